# shellcheck shell=bash disable=SC2034,SC2154
#
# The case "queue" of util/bench, which sources this: events that are
# acknowledged once they are durable, beside proxy_pass alone and beside Redis's
# streams with appendfsync always, on the same disk.


# A gateway with a queue of its own, whose events go to the upstream "sink".
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

    # Of a queue that nobody delivers nginx warns.
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


# The application: tells when an event has come, and when it was sent.
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


# How many events wait in a queue
waiting() {
    curl -s "$(url "$1")/api/queues/q" | sed -n 's/.*"waiting":\([0-9]*\).*/\1/p'
}


# Waits until so few are left
wait_waiting() {
    while [ "$(waiting "$1")" -gt "$2" ]; do
        sleep 0.1
    done
}


# Bytes of a worker that are its own, and not the file's
own_memory() {
    awk '/^RssAnon:/ { print $2 }' "/proc/$1/status"
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


# Prints as load() does, of so many of Redis's XADD.
run_redis() {
    local count=$1 out

    # shellcheck disable=SC2086
    out=$($others redis-benchmark -p "${port[redis]}" -c "$connections" \
          -n "$count" --csv XADD events '*' event \
          "$(cat "$bench/body/luzmo")" 9>&- | tail -n 1)

    # "test","rps","avg","min","p50","p95","p99","max", in ms; the first one
    # has whatever the command has
    awk -F '","' -v n="$count" '{
        printf "%d %d %d %d\n", n, n / $(NF - 6) * 1e6, $(NF - 3) * 1000,
               $(NF - 1) * 1000
    }' <<<"$out"
}


# Acknowledged events per second, with so many connections.
queue_rates() {
    local file=$bench/result/queue-rates round name out rate=2000

    say "measuring: acknowledged events"
    : >"$file"

    for connections in 1 16 64 256; do
        for ((round = 0; round <= rounds; round++)); do
            for name in plain queue held redis; do

                # Those of the round before are gone first.
                [ $name != queue ] || wait_waiting queue 0

                body=luzmo expect=200 paths=

                case $name in
                    redis)  out=$(run_redis "$(awk -v r="$rate" -v s="$seconds" \
                                        'BEGIN { print int(r * s) + 100 }')")
                            rate=$(awk '{ print int($1 / $2 * 1e6) }' \
                                       <<<"$out") ;;
                    *)      out=$(load "$(url $name)/luzmo/data_updated" \
                                       "$seconds") ;;
                esac

                [ $round -eq 0 ] \
                    || echo "$connections $name $out" >>"$file"
            done
        done
    done

    printf '\nAcknowledged events of 133 bytes per second, one worker\n\n'
    awk "$quantile"'
        { k = $1 SUBSEP $2; i = ++n[k]
          v["rate", k, i] = $3 / $4 * 1e6
          v["p50", k, i] = $5 / 1000; v["p99", k, i] = $6 / 1000 }

        function median(what, k,   s, i) {
            for (i = 1; i <= n[k]; i++)
                s[i] = v[what, k, i]
            return quantile(s, n[k], 0.5)
        }

        END {
            count = split("plain queue held redis", names, " ")
            split("proxy_pass alone,queue which is delivered," \
                  "queue,Redis XADD", labels, ",")
            split("1 16 64 256", many, " ")

            printf "  %-12s %-26s  %9s  %8s  %8s\n", "connections", "",
                   "events/s", "p50 ms", "p99 ms"
            for (j = 1; j <= 4; j++)
                for (i = 1; i <= count; i++) {
                    k = many[j] SUBSEP names[i]
                    printf "  %-12s %-26s  %9.0f  %8.2f  %8.2f\n",
                           i == 1 ? many[j] : "", labels[i],
                           median("rate", k), median("p50", k),
                           median("p99", k)
                }
        }' "$file"
}


# From the sender to the application, at a thousand events per second.
queue_delay() {
    local out

    say "measuring: delay"
    wait_waiting queue 0
    : >"$bench/sink/logs/seen"

    # The pause makes it a little less than a thousand.
    connections=200 body=luzmo expect=200 paths=
    delay=199
    export BENCH_STAMP=1
    out=$(load "$(url queue)/luzmo/data_updated" \
               "$(awk -v s="$seconds" 'BEGIN { print s * 5 }')")
    delay=0
    unset BENCH_STAMP
    wait_waiting queue 0

    printf '\nFrom the sender to the application, in ms'
    awk '{ printf ", at %d events/s; the 202: p50 %.2f, p99 %.2f\n\n",
                  $1 / $2 * 1e6, $3 / 1000, $4 / 1000 }' <<<"$out"
    awk '$2 != "-" { print ($1 - $2) * 1000 }' "$bench/sink/logs/seen" \
        | sort -n | awk '
        { v[NR] = $1 }
        END { printf "  p50 %.0f  p95 %.0f  p99 %.0f  max %.0f  events %d\n",
                     v[int(NR * 0.5) + 1], v[int(NR * 0.95) + 1],
                     v[int(NR * 0.99) + 1], v[NR], NR }'
}


# Fills the queue "held" until so many wait; more or less so many.
fill_queue() {
    local count=$1

    connections=256 body=luzmo expect=200 paths=

    while [ "$(waiting held)" -lt "$count" ]; do
        run_wrk "$(url held)/luzmo/data_updated" \
            "$(awk -v left=$((count - $(waiting held))) 'BEGIN {
                s = left / 20000; print (s < 0.2 ? 0.2 : s > 10 ? 10 : s) }')" \
            >/dev/null
    done
}


# How fast a queue is drained.
queue_drain() {
    local before after count

    say "measuring: drain"
    start_queue held -
    fill_queue 100000
    count=$(waiting held)
    : >"$bench/sink/logs/seen"

    start_queue held keep
    wait_waiting held 0

    # The log is in order, and the first is the first.
    before=$(head -n 1 "$bench/sink/logs/seen" | cut -d ' ' -f 1)
    after=$(tail -n 1 "$bench/sink/logs/seen" | cut -d ' ' -f 1)

    awk -v n="$count" -v a="$before" -v b="$after" 'BEGIN {
        printf "\nDraining: %d events in %.1f s, %d events/s\n", n, b - a,
               n / (b - a) }'
}


# What it matters how many wait.
queue_waiting() {
    local count out rate memory

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

        # while it is delivered; a thousand are gone too soon otherwise
        [ $count -gt 20000 ] || fill_queue 20000
        : >"$bench/sink/logs/seen"
        start_queue held keep
        sleep 2
        sleep "$seconds"
        rate=$(awk -v a="$(head -n 1 "$bench/sink/logs/seen")" \
                   -v b="$(tail -n 1 "$bench/sink/logs/seen")" \
                   -v n="$(wc -l <"$bench/sink/logs/seen")" 'BEGIN {
            split(a, x, " "); split(b, y, " "); print n / (y[1] - x[1]) }')

        awk -v n=$count -v rate="$rate" -v memory="$memory" \
            -v file="$(stat -c %s "$bench/queue-held/queue")" '{
            printf "  %9d  %12d  %8.2f  %12d  %14d  %9d\n", n, $1 / $2 * 1e6,
                   $4 / 1000, rate, memory, file / 1048576 }' <<<"$out"
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
