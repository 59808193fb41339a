# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "status" of util/bench: what a status zone costs, alone and with
# dedup, and what the answers of the status cost.


# Prints a table of the status's formats: their bytes, and the processor time of
# the worker for each answer.
scrapes() {
    local format before after times=500 i options

    say "measuring: Status: answers"
    printf '\nStatus: answers, with a full ring of refused events\n\n'
    printf '  %-20s  %7s  %7s\n' "" bytes "CPU us"

    for format in json prometheus html; do
        options=()
        for ((i = 0; i < times; i++)); do
            options+=(-o "$bench/answer" "$(url scrape)/status?format=$format")
        done

        before=$(cpu "${worker[on]}")
        curl -s "${options[@]}"
        after=$(cpu "${worker[on]}")

        printf '  %-20s  %7d  %7d\n' "$format" "$(wc -c <"$bench/answer")" \
            $(((after - before) / times / 1000))
    done
}


bench_status() {
    local path=/luzmo/data_updated name

    start_upstream

    for name in off on both scrape; do
        choose_port $name
        choose_port ${name}http2
    done

    start off "$measured" "$module" < <(variant_conf judge_module off)

    start on "$measured" "$module" < <(
        echo "    webhook_status_zone zone=status:64k;"
        echo "    webhook_zone zone=lenra:1m;"
        variant_conf judge_module on
        cat <<END
    server {
        listen 127.0.0.1:${port[scrape]};

        location /lenra/ {
            webhook lenra zone=lenra;
        }
        location = /status {
            webhook_status zone=status;
        }
    }
END
    )

    # After two seconds a key expires for each one that is added.

    start both "$measured" "$module" < <(
        echo "    webhook_status_zone zone=status:64k;"
        echo "    webhook_dedup_zone zone=seen:16m;"
        echo "    webhook_dedup \$http_webhook_id zone=seen ttl=2s;"
        variant_conf judge_module both
    )

    headers=$authorized
    connections=16

    export BENCH_ID=1

    compare "Status: accepted event of 133 bytes, 16 connections" \
        "neither|${worker[off]}|$(url off)$path|luzmo|200|" \
        "status|${worker[on]}|$(url on)$path|luzmo|200|" \
        "status and dedup|${worker[both]}|$(url both)$path|luzmo|200|"

    unset BENCH_ID

    compare "Status: refused for its shape, 16 connections" \
        "neither|${worker[off]}|$(url off)$path|shape|400|" \
        "status|${worker[on]}|$(url on)$path|shape|400|"

    scrapes
}
