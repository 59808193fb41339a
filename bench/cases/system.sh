# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "system" of util/bench: an accepted event of 133 bytes, of a system
# that the configuration describes, with a token and two fields, beside the same
# event of the system that is compiled in.


bench_system() {
    local path=data_updated

    start_variants
    headers=$authorized

    connections=16
    compare "A system of the configuration: accepted event of 133 bytes, 16 connections" \
        "proxy_pass alone|${worker[plain]}|$(url plain)/luzmo/$path|luzmo|200|" \
        "webhook luzmo|${worker[module]}|$(url module)/luzmo/$path|luzmo|200|" \
        "webhook_system|${worker[module]}|$(url module)/system/$path|luzmo|200|"
}
