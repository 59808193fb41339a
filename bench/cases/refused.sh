# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "refused" of util/bench: events that are refused for their secret and
# for their shape.


bench_refused() {
    local path=/luzmo/data_updated
    local returned

    start_variants
    connections=16

    headers="Content-Type: application/json
X-Secret: guess"
    variants "" $path "return 401" /401 luzmo 401
    compare "Refused for its secret: event of 133 bytes" "${variant[@]}"

    # After a 400 of its own nginx closes the connection.

    headers=$authorized
    variants "" $path "return 401" /401 shape 400
    returned=${variant[0]}
    compare "Refused for its shape: event of 133 bytes, a malformed UUID" \
        "${returned/|400|/|401|}" \
        "return 400, closing|${worker[plain]}|$(url plain)/400|shape|400|" \
        "proxy_pass alone|${worker[plain]}|$(url plain)$path|shape|200|" \
        "${variant[@]:1}"
}
