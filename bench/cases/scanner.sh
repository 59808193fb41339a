# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "scanner" of util/bench: the scanner beside jansson, yajl and
# simdjson.


bench_scanner() {
    local bin=$bench/bin
    local includes=(-I "$MODULE" -I "$BUILD/dynamic/objs"
                    -I "$NGINX_DEV/src/core" -I "$NGINX_DEV/src/event"
                    -I "$NGINX_DEV/src/event/modules"
                    -I "$NGINX_DEV/src/os/unix")

    say "compiling the scanner's comparison"

    gcc -O2 -c -o "$bin/scanner.o" "${includes[@]}" \
        "$MODULE/payload/ngx_http_webhook_json.c"
    gcc -O2 -W -Wall -Wno-unused-parameter -Werror -c -o "$bin/json.o" \
        "${includes[@]}" bench/json.c
    g++ -O2 -W -Wall -Werror -c -o "$bin/simdjson.o" bench/simdjson.cc
    g++ -o "$bin/json" "$bin"/{json,scanner,simdjson}.o \
        -ljansson -lyajl -lsimdjson

    say "measuring: the scanner"

    printf '\nThe scanner beside other parsers\n\n'
    # shellcheck disable=SC2086
    $measured "$bin/json" \
        "$(calc "$seconds * 100")" "$rounds" \
        "$bench/body/luzmo" "$bench/body/1024" "$bench/body/1048576"
}
