# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "webhook" of util/bench: Debian's program "webhook" beside the
# module.


bench_webhook() {
    local path=/hooks/data_updated uuid

    start_variants
    choose_port webhook
    connections=16

    uuid='^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'

    rule() {
        printf '{ "match": { "type": "%s", "%s": "%s", "parameter":' \
            "$1" "$1" "$2"
        printf ' { "source": "%s", "name": "%s" } } }' "$3" "$4"
    }

    cat >"$bench/hooks.json" <<END
[ { "id": "data_updated",
    "execute-command": "/bin/true",
    "http-methods": [ "POST" ],
    "trigger-rule-mismatch-http-response-code": 401,
    "trigger-rule": { "and": [
        $(rule value "$SECRET" header X-Secret),
        $(rule regex '^[A-Za-z0-9_-]{1,50}$' payload slug),
        $(rule regex "$uuid" payload user_id),
        $(rule regex "$uuid" payload key),
        $(rule regex '.' payload dataset_id) ] } } ]
END

    # shellcheck disable=SC2086
    $measured webhook -hooks "$bench/hooks.json" -ip 127.0.0.1 \
        -port "${port[webhook]}" >"$bench/webhook.log" 2>&1 9>&- &
    master[webhook]=$!
    worker[webhook]=$!

    while ! listening "${port[webhook]}"; do
        kill -0 "${master[webhook]}" 2>/dev/null || die "webhook did not start"
        sleep 0.05
    done

    direct=1

    headers=$authorized
    compare "Beside Debian's webhook, which runs /bin/true: accepted event of 133 bytes" \
        "this module|${worker[module]}|$(url module)/luzmo/data_updated|luzmo|200|" \
        "webhook|${worker[webhook]}|$(url webhook)$path|luzmo|200|"

    headers="Content-Type: application/json
X-Secret: guess"
    compare "Beside Debian's webhook: refused for its secret" \
        "this module|${worker[module]}|$(url module)/luzmo/data_updated|luzmo|401|" \
        "webhook|${worker[webhook]}|$(url webhook)$path|luzmo|401|"

    direct=
    stop webhook
}
