# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "trigger" of util/bench: triggers of Lenra's webhooks, by the number
# of registrations.


bench_trigger() {
    local count few lines=()

    start_variants
    headers="Content-Type: application/json"
    connections=16

    for count in 1000 100000 1000000; do
        start_registrations $count
        lines+=("$count registrations|${worker[lenra$count]}|$(url lenra$count)/apps/$APP/webhooks/|luzmo|200|$bench/state/$count.ids")
    done

    # Of a million, always the same few: what processor caches have to do with
    # it.

    head -n 1000 "$bench/state/1000000.ids" >"$bench/state/few.ids"
    few="1000 of 1000000${lines[2]#1000000 registrations}"
    few=${few/1000000.ids/few.ids}

    compare "Lenra: trigger of a random registration, event of 133 bytes" \
        "${lines[@]}" "$few" \
        "proxy_pass alone|${worker[plain]}|$(url plain)/luzmo/|luzmo|200|$bench/state/1000000.ids"

    for count in 1000 100000 1000000; do
        stop lenra$count
        rm -rf "$bench/lenra$count-state"
    done
}
