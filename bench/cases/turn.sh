# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "turn" of util/bench: the longest turn of a worker's event loop while
# many events wait, die, are listed, replayed and expire, while many
# destinations fail, and while a large event is looked at.  TURN_EVENTS,
# TURN_DESTINATIONS and TURN_BODY (MB) say how many, and how large.


bench_turn() {
    need_test_nginx

    gcc -O2 -W -Wall -Werror -shared -fPIC -o "$bench/bin/turn.so" \
        bench/turn.c -ldl

    printf '\n%s\n\n' "Turns of a worker's event loop: the longest, in ms"

    TURN_LIBRARY=$bench/bin/turn.so \
    TEST_NGINX_BINARY=$NGINX \
    TEST_NGINX_LOAD_MODULES=$module \
    TEST_NGINX_LOG_LEVEL=alert \
    TEST_NGINX_PORT=$((next_port + 50)) \
    WEBHOOK_TEST_ROOT=$bench/turn \
        perl -It/lib bench/turn.pl
}
