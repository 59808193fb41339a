# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "creates" of util/bench: creations of Lenra's webhooks, with a state
# on disk and without.


bench_creates() {
    local state=$bench/creates-state/lenra.mdb

    start_upstream
    headers="Content-Type: application/json
Authorization: Bearer $TOKEN"

    rm -rf "${state%/*}"
    mkdir -p "${state%/*}"

    direct=1
    start_lenra creates 1024m "$state"
    start_lenra creates-memory 1024m

    for connections in 1 32; do
        compare "Lenra: creations, connections: $connections" \
            "state on disk|${worker[creates]}|$(url creates)/app/webhooks|create|200|" \
            "zone only|${worker[creates-memory]}|$(url creates-memory)/app/webhooks|create|200|"
    done

    direct=
    stop creates
    stop creates-memory
    rm -rf "${state%/*}"
}
