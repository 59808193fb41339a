# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "load" of util/bench: how long nginx takes to start with
# registrations, and how much memory one takes.


# Prints a creation whose registration has so many bytes of text.  Of these,
# "notify" with its quotes takes 8, and the properties take 8 more without the
# letters of "a".
fill_body() {
    local letters

    printf '{"action":"notify"'

    if [ "$1" -gt 8 ]; then
        printf -v letters '%*s' $(($1 - 16)) ''
        printf ',"props":{"a":"%s"}' "${letters// /x}"
    fi

    printf '}'
}


bench_load() {
    local file=$bench/result/load count round before text out requests bad
    local fits each

    : >"$file"
    say "measuring: nginx's start"

    for ((round = 0; round < rounds; round++)); do
        for count in 1000 100000 1000000; do
            start_registrations $count
            stop lenra$count

            before=$(date +%s%N)
            start_lenra lenra$count $((count * 400 / 1024 + 4096))k \
                "$bench/lenra$count-state/lenra.mdb"
            before=$(($(date +%s%N) - before))
            echo "$count|s=$(calc "$before / 1e9")" >>"$file"

            stop lenra$count
            rm -rf "$bench/lenra$count-state"
        done
    done

    printf '\nnginx'\''s start with a zone and its state, in seconds\n\n'
    table '  %-22s  %9s  %s' 'registrations;seconds;quartiles' \
        's median %.2f' 's quartiles %.2f' <"$file"

    # How many fit, with texts of several lengths.  wrk does not count the few
    # requests that are under way when it is told to end.

    say "measuring: bytes of a registration"

    printf '\nZone memory of a registration: how many fill 16 MB\n\n'
    printf '  %13s  %9s  %10s  %15s\n' "bytes of text" "they fit" "bytes each" \
        "beyond the text"

    headers="Content-Type: application/json
Authorization: Bearer $TOKEN"
    connections=8
    body=fill
    paths=
    expect=200
    direct=1

    for text in 8 40 100 250 1000; do
        fill_body "$text" >"$bench/body/fill"

        start_lenra fill 16m
        check "$(url fill)/app/webhooks"
        fits=1
        bad=0

        while [ "$bad" -eq 0 ]; do
            out=$(run_wrk "$(url fill)/app/webhooks" 2)
            read -r requests bad _ <<<"$out"
            fits=$((fits + requests - bad))
        done

        stop fill

        each=$(calc "16 * 1024 * 1024 / $fits")
        printf '  %13d  %9d  %10.1f  %15.1f\n' "$text" "$fits" "$each" \
            "$(calc "$each - $text")"
    done

    direct=
}
