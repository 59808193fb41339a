# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "luzmo" of util/bench: an accepted event of 133 bytes, over HTTP/1.1
# and HTTP/2.


bench_luzmo() {
    local path=/luzmo/data_updated
    local title="Luzmo: accepted event of 133 bytes"

    start_variants
    headers=$authorized

    variants "" $path "proxy_pass alone" $path luzmo 200

    connections=16
    compare "$title, 16 connections" "${variant[@]}"

    connections=256
    compare "$title, 256 connections" "${variant[@]}"

    variants http2 $path "proxy_pass alone" $path luzmo 200

    tool=h2load
    connections=16
    compare "$title, HTTP/2, 16 connections of 4 streams" "${variant[@]}"

    connections=64
    compare "$title, HTTP/2, 64 connections of 4 streams" "${variant[@]}"
    tool=wrk
}
