# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "latency" of util/bench: small events, alone and beside events of
# 1 MB.


bench_latency() {
    local file=$bench/result/latency round name beside out big
    local p50 p99 requests us

    start_variants
    headers=$authorized
    paths=

    : >"$file"
    say "measuring: latency"

    for ((round = 0; round <= rounds; round++)); do
        for name in plain module lua njs; do
            for beside in alone beside; do

                big=
                if [ $beside = beside ]; then
                    body=1048576 connections=2 delay=20
                    run_wrk "$(url $name)/munity" "$seconds" \
                        >"$bench/result/big" &
                    big=$!
                    sleep 0.1
                fi

                body=luzmo connections=8 delay=1 expect=200
                out=$(load "$(url $name)/luzmo/data_updated" \
                    "$(calc "$seconds - 0.2")")
                delay=0

                [ -z "$big" ] || wait $big

                [ $round -ne 0 ] || continue

                read -r _ _ p50 p99 <<<"$out"
                printf '%s|p50-%s=%s|p99-%s=%s' "${label[$name]}" \
                    "$beside" "$(calc "$p50 / 1000")" \
                    "$beside" "$(calc "$p99 / 1000")" >>"$file"

                if [ -n "$big" ]; then
                    read -r requests _ _ us _ <"$bench/result/big"
                    printf '|large=%s' "$(calc "$requests / $us * 1000000")" \
                        >>"$file"
                fi

                echo >>"$file"
            done
        done
    done

    printf '\nLatency in ms of small events (8 connections, a pause of 1 ms),'
    printf ' alone and\nbeside events of 1 MB (2 connections, a pause of 20 ms)\n\n'
    table '  %-22s  %9s  %9s  %11s  %11s  %8s' \
        ';p50 alone;p99 alone;p50 beside;p99 beside;1 MB/s' \
        'p50-alone median %.2f' 'p99-alone median %.2f' \
        'p50-beside median %.2f' 'p99-beside median %.2f' \
        'large median %.1f' <"$file"
}
