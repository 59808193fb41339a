# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "queue" of util/bench: events that are acknowledged once they are
# durable, beside proxy_pass alone and beside Redis's streams with appendfsync
# always, on the same disk.


# Starts a gateway with a queue of its own, whose events go to the upstream
# "sink".
#
#     start_queue name deliver|keep|- [more for http {}]
#
# "keep" leaves the events of an earlier one where they are; with "-" they are
# not delivered.

start_queue() {
    local name=$1 how=$2 dir=$bench/queue-$1

    [ -n "${port[$name]-}" ] || choose_port "$name"
    mkdir -p "$dir"

    stop "$name"
    [ "$how" = keep ] || rm -f "$dir/queue" "$dir/queue-lock"

    # nginx warns of a queue that nobody delivers.
    start "$name" "$measured" "$module" 2>/dev/null <<END
    webhook_queue_path $dir/queue queue=q max_size=8g;

    upstream sink {
        server 127.0.0.1:${port[sink]};
        keepalive 64;
        keepalive_requests 100000000;
    }

    server {
        listen 127.0.0.1:${port[$name]} backlog=4096;

        location /luzmo/ {
            webhook luzmo;
            webhook_secret $SECRET;
            webhook_queue q;
        }
        location /api/ {
            webhook_api;
            webhook_secret off;
        }
$([ "$how" = - ] || echo "
        location @deliver {
            webhook_deliver q concurrency=64;
            proxy_pass http://sink;
        }")
    }
END
}


# Starts the application, whose log says when each event came and when it was
# sent.
start_sink() {
    [ -z "${master[sink]-}" ] || return 0

    choose_port sink

    start sink "$others" <<END
    log_format seen '\$msec \$http_x_sent';

    server {
        listen 127.0.0.1:${port[sink]} backlog=4096;
        access_log $bench/sink/logs/seen seen;

        location / {
            return 200 "taken\n";
        }
    }
END
}


# How many events wait in a queue.
waiting() {
    curl -s "$(url "$1")/api/queues/q" | sed -n 's/.*"waiting":\([0-9]*\).*/\1/p'
}


# Waits until no more than so many are left.
wait_waiting() {
    while [ "$(waiting "$1")" -gt "$2" ]; do
        sleep 0.1
    done
}


# Kilobytes of a worker that are its own, and not the file's.
own_memory() {
    awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"
}


# How many events have come to the application, and in how many seconds.  Its
# log is in the order of arrival.
seen() {
    awk 'NR == 1 { first = $1 }
                 { last = $1 }
         END     { print NR, last - first }' "$bench/sink/logs/seen"
}


start_redis() {
    [ -z "${master[redis]-}" ] || return 0

    choose_port redis
    rm -rf "$bench/redis"
    mkdir -p "$bench/redis"

    # shellcheck disable=SC2086
    $measured redis-server --port "${port[redis]}" --bind 127.0.0.1 \
        --dir "$bench/redis" --save "" --appendonly yes \
        --appendfsync always >"$bench/redis/log" 2>&1 9>&- &
    master[redis]=$!
    worker[redis]=$!

    while ! listening "${port[redis]}"; do
        kill -0 "${master[redis]}" 2>/dev/null || die "redis did not start"
        sleep 0.05
    done
}


# Has Redis add so many events, and prints the same as load().
run_redis() {
    local count=$1 out

    # shellcheck disable=SC2086
    out=$($others redis-benchmark -p "${port[redis]}" -c "$connections" \
          -n "$count" --csv XADD events '*' event \
          "$(cat "$bench/body/luzmo")" 9>&- | tail -n 1)

    # A line has "test","rps","avg","min","p50","p95","p99","max", in ms.  They
    # are counted from the end, because the first is the command, with commas.
    awk -F '","' -v n="$count" '{
        printf "%d %d %d %d\n", n, n / $(NF - 6) * 1e6, $(NF - 3) * 1000,
               $(NF - 1) * 1000
    }' <<<"$out"
}


# Acknowledged events per second, by the number of connections.
queue_rates() {
    local file=$bench/result/queue-rates round name out rate=2000
    local requests us p50 p99
    local -A what=([plain]="proxy_pass alone" [queue]="queue which is delivered"
                   [held]="queue" [redis]="Redis XADD")

    say "measuring: acknowledged events"
    : >"$file"

    for connections in 1 16 64 256; do
        for ((round = 0; round <= rounds; round++)); do
            for name in plain queue held redis; do

                # The events of the round before are gone first.
                [ $name != queue ] || wait_waiting queue 0

                body=luzmo expect=200 paths=

                case $name in
                    redis)  out=$(run_redis \
                                    "$(calc "int($rate * $seconds) + 100")") ;;
                    *)      out=$(load "$(url $name)/luzmo/data_updated" \
                                       "$seconds") ;;
                esac

                read -r requests us p50 p99 <<<"$out"

                # The next round is to take Redis as long as the others.
                [ $name != redis ] \
                    || rate=$(calc "int($requests / $us * 1000000)")

                [ $round -eq 0 ] \
                    || printf '%s\t%s|rate=%s|p50=%s|p99=%s\n' "$connections" \
                           "${what[$name]}" \
                           "$(calc "$requests / $us * 1000000")" \
                           "$(calc "$p50 / 1000")" "$(calc "$p99 / 1000")" \
                           >>"$file"
            done
        done
    done

    printf '\nAcknowledged events of 133 bytes per second, one worker\n\n'
    table '  %-12s %-26s  %9s  %8s  %8s' 'connections;;events/s;p50 ms;p99 ms' \
        'rate median %.0f' 'p50 median %.2f' 'p99 median %.2f' <"$file"
}


# How long events take from the sender to the application, at a thousand events
# per second.
queue_delay() {
    local out requests us p50 p99

    say "measuring: delay"
    wait_waiting queue 0
    : >"$bench/sink/logs/seen"

    # The pause makes it a little less than a thousand.
    connections=200 body=luzmo expect=200 paths=
    delay=199
    export BENCH_STAMP=1
    out=$(load "$(url queue)/luzmo/data_updated" "$(calc "$seconds * 5")")
    delay=0
    unset BENCH_STAMP
    wait_waiting queue 0

    read -r requests us p50 p99 <<<"$out"

    printf '\nFrom the sender to the application, in ms, at %d events/s;' \
        "$(calc "int($requests / $us * 1000000)")"
    printf ' the 202: p50 %.2f, p99 %.2f\n\n' "$(calc "$p50 / 1000")" \
        "$(calc "$p99 / 1000")"

    awk '$2 != "-" { printf "|ms=%.3f\n", ($1 - $2) * 1000 }' \
        "$bench/sink/logs/seen" \
        | table '  p50 %s  p95 %s  p99 %s  max %s  events %s' '' \
              'ms median %.0f' 'ms p95 %.0f' 'ms p99 %.0f' 'ms highest %.0f' \
              'ms count %d'
}


# Fills the queue "held" until about so many wait.
fill_queue() {
    local count=$1 left time

    connections=256 body=luzmo expect=200 paths=

    while left=$((count - $(waiting held))); [ "$left" -gt 0 ]; do
        time=$(calc "$left < 4000 ? 0.2 : $left > 200000 ? 10 : $left / 20000")
        run_wrk "$(url held)/luzmo/data_updated" "$time" >/dev/null
    done
}


# How fast a queue is drained.
queue_drain() {
    local count time

    say "measuring: drain"
    start_queue held -
    fill_queue 100000
    : >"$bench/sink/logs/seen"

    start_queue held keep
    wait_waiting held 0

    read -r count time <<<"$(seen)"
    printf '\nDraining: %d events in %.1f s, %d events/s\n' "$count" "$time" \
        "$(calc "int($count / $time)")"
}


# What it matters how many wait.
queue_waiting() {
    local count out requests us p99 memory events time

    say "measuring: a million that wait"
    printf '\nWhat it matters how many wait, with 64 connections\n\n'
    printf '  %9s  %12s  %8s  %12s  %14s  %9s\n' waiting "enqueued/s" "p99 ms" \
        "delivered/s" "worker's KB" "file MB"

    for count in 1000 1000000; do
        start_queue held -
        fill_queue $count

        connections=64
        out=$(load "$(url held)/luzmo/data_updated" "$seconds")
        memory=$(own_memory "${worker[held]}")

        # The rate is measured while the queue is delivered; a thousand events
        # would be gone too soon.
        [ $count -gt 20000 ] || fill_queue 20000
        : >"$bench/sink/logs/seen"
        start_queue held keep
        sleep 2
        sleep "$seconds"
        read -r events time <<<"$(seen)"

        read -r requests us _ p99 <<<"$out"
        printf '  %9d  %12d  %8.2f  %12d  %14d  %9d\n' "$count" \
            "$(calc "int($requests / $us * 1000000)")" "$(calc "$p99 / 1000")" \
            "$(calc "int($events / $time)")" "$memory" \
            "$(($(stat -c %s "$bench/queue-held/queue") / 1048576))"
    done
}


bench_queue() {
    RUNLEVEL=1 need redis-server redis-tools

    headers=$authorized
    direct=1

    start_upstream
    start_sink
    choose_port plain
    choose_port plainhttp2
    start plain "$measured" < <(variant_conf judge_plain plain)
    start_queue queue deliver
    start_queue held -
    start_redis

    queue_rates
    queue_delay
    queue_drain
    queue_waiting

    direct=
    stop redis
    stop queue
    stop held
    stop sink
    rm -rf "$bench"/queue-{queue,held} "$bench/redis"
}
