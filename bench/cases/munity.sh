# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "munity" of util/bench: accepted events of 1 KB, 64 KB and 1 MB.


bench_munity() {
    start_variants
    headers=$authorized

    connections=16
    variants "" /munity "proxy_pass alone" /munity 1024 200
    compare "Munity: accepted event of 1 KB, 16 connections" "${variant[@]}"

    variants "" /munity "proxy_pass alone" /munity 65536 200
    compare "Munity: accepted event of 64 KB, in memory, 16 connections" \
        "${variant[@]}"

    connections=4
    variants "" /munity "proxy_pass alone" /munity 1048576 200
    compare "Munity: accepted event of 1 MB, in memory, 4 connections" \
        "${variant[@]}"

    # njs can't judge a body that is in a file.
    variants "" /file "proxy_pass alone" /file 1048576 200
    compare "Munity: accepted event of 1 MB, in a temporary file, 4 connections" \
        "${variant[@]:0:3}"
}
