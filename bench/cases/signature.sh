# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "signature" of util/bench: an accepted event, signed as GitHub signs.


bench_signature() {
    local mac

    mac=$(openssl dgst -sha256 -hmac "$SECRET" -r <"$bench/body/1024")

    start_variants
    headers="Content-Type: application/json
X-Hub-Signature-256: sha256=${mac%% *}"

    connections=16
    variants "" /signed "proxy_pass alone" /signed 1024 200
    compare "Signature: accepted event of 1 KB, 16 connections" "${variant[@]}"
}
