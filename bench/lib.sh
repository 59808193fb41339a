# shellcheck shell=bash disable=SC2034,SC2154
#
# What the cases of util/bench share, which sources this: processes, load, and
# tables.  From util/bench come the variables bench (the folder for all files),
# module, rounds and seconds.

# Numbers have a dot, whatever the locale.
export LC_ALL=C


# --- processes ------------------------------------------------------------

# The measured worker has the first processor to itself, as far as this
# script can tell; the load and the upstream share the others.
measured=
others=
if [ "$(nproc)" -ge 2 ]; then
    measured="taskset -c 0"
    others="taskset -c 1-$(($(nproc) - 1))"
fi

declare -A master=() worker=() port=()


# Ends only the processes that this script has started.
# shellcheck disable=SC2317
cleanup() {
    local name

    for name in "${!master[@]}"; do
        stop "$name" || true
    done
}

trap cleanup EXIT
trap 'exit 130' INT TERM HUP


stop() {
    local name=$1 pid=${master[$1]-} i

    [ -n "$pid" ] || return 0

    unset "master[$name]"
    kill -TERM "$pid" 2>/dev/null || return 0

    for ((i = 0; i < 200; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.05
    done

    kill -KILL "$pid" 2>/dev/null || true
}


listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}


# Below Linux's ephemeral ports, and below those of util/test.
next_port=$(printf '%s' "$ROOT" | cksum | cut -d ' ' -f 1)
next_port=$((14000 + next_port % 40 * 100))

# Sets port[name].
choose_port() {
    while listening $next_port; do
        next_port=$((next_port + 1))
    done

    port[$1]=$next_port
    next_port=$((next_port + 1))
}


# Starts an nginx with the text on standard input in its http {}.  Sets
# master[name] and worker[name].
#
#     start name affinity module...

start() {
    local name=$1 affinity=$2 prefix=$bench/$1 file
    shift 2

    stop "$name"
    rm -rf "$prefix/temp" "$prefix/logs" "$prefix/nginx.pid"
    mkdir -p "$prefix"/{logs,temp,state}

    {
        for file in "$@"; do
            echo "load_module \"$file\";"
        done

        [ "$EUID" -ne 0 ] || echo "user root;"

        cat <<END
worker_processes 1;
worker_rlimit_nofile 8192;
pid "$prefix/nginx.pid";
error_log "$prefix/logs/error.log" error;

events {
    worker_connections 4096;
}

http {
    access_log off;
    keepalive_requests 100000000;
    client_max_body_size 8m;

    client_body_temp_path  temp/client_body;
    proxy_temp_path        temp/proxy;
    fastcgi_temp_path      temp/fastcgi;
    uwsgi_temp_path        temp/uwsgi;
    scgi_temp_path         temp/scgi;

    proxy_http_version 1.1;
    proxy_set_header Connection "";

    upstream small {
        server 127.0.0.1:${port[small]};
        keepalive 512;
        keepalive_requests 100000000;
    }

    upstream large {
        server 127.0.0.1:${port[large]};
        keepalive 512;
        keepalive_requests 100000000;
    }

END
        cat
        echo "}"
    } >"$prefix/nginx.conf"

    # shellcheck disable=SC2086
    $affinity "$NGINX" -p "$prefix/" -c "$prefix/nginx.conf" \
        -e "$prefix/logs/error.log" 9>&- \
        || die "nginx did not start; see ${prefix#"$ROOT/"}/logs/error.log"

    # The command has ended before its daemon writes the file.
    while [ ! -s "$prefix/nginx.pid" ]; do
        sleep 0.02
    done

    master[$name]=$(cat "$prefix/nginx.pid")

    while ! worker[$name]=$(pgrep -P "${master[$name]}" | head -n 1) \
          || [ -z "${worker[$name]}" ]
    do
        sleep 0.02
    done
}


url() {
    echo "http://127.0.0.1:${port[$1]}"
}


# --- measuring ------------------------------------------------------------

# Prints the value of an expression of awk.
calc() {
    awk "BEGIN { x = ($1); printf \"%.15g\\n\", x }"
}


# Prints the measurements on standard input as a table; see bench/stat.awk.
#
#     table form headings column...

table() {
    local form=$1 head=$2 IFS=';'
    shift 2

    awk -v form="$form" -v head="$head" -v columns="$*" -f bench/stat.awk
}


# Prints the processor time of a process in nanoseconds, including its threads
# and the children that it has waited for.  The kernel counts these in ticks.
cpu() {
    local file sum=0 n stat

    for file in /proc/"$1"/task/*/schedstat; do
        read -r n _ <"$file" || n=0
        sum=$((sum + n))
    done

    stat=$(<"/proc/$1/stat")
    stat=${stat##*) }
    # shellcheck disable=SC2086
    set -- $stat

    # The fields 16 and 17 of proc(5), of which two have been cut off.
    echo $((sum + (${14} + ${15}) * (1000000000 / $(getconf CLK_TCK))))
}


# The load that a case wants.
connections=16
tool=wrk      # or h2load
body=         # a file of $bench/body
expect=       # the status of each answer
paths=        # a file of paths, of which each request takes a random one
delay=0       # milliseconds between an answer and the next request
headers=      # "Name: value", one on each line
direct=       # not empty: answered without the upstream


# Sends one request, which has to be answered as expected.
check() {
    local url=$1 status options=() line

    while read -r line; do
        options+=(-H "$line")
    done <<<"$headers"

    [ "$tool" != h2load ] || options+=(--http2-prior-knowledge)
    [ -z "$paths" ] || url=$url$(tail -n 1 "$paths")

    status=$(curl -s -o "$bench/answer" -w '%{http_code}' -X POST -H Expect: \
             --data-binary "@$bench/body/$body" "${options[@]}" "$url") || true

    [ "$status" = "$expect" ] \
        || die "$url answers $status instead of $expect:" \
               "$(head -c 300 "$bench/answer")"

    # If there is an upstream, the answer has to come from there.
    [ "$expect" != 200 ] || [ -n "$direct" ] \
        || [ "$(cat "$bench/answer")" = taken ] \
        || die "$url answers $(head -c 300 "$bench/answer")"
}


# Runs wrk; prints "requests not-2xx failed microseconds p50 p99".  wrk takes
# whole seconds only, but it also ends in good order when it is interrupted.  It
# ignores this until it has read its script, which takes long on a busy machine,
# and then runs until the next whole second.
#
#     run_wrk url seconds

run_wrk() {
    local url=$1 duration=$2 out line

    # shellcheck disable=SC2086
    out=$(BENCH_BODY=$bench/body/$body BENCH_HEADERS=$headers \
          BENCH_DELAY=$delay BENCH_PATHS=$paths \
          $others timeout -s INT "$duration" \
          wrk -t 1 -c "$connections" -d $((${duration%.*} + 1)) --timeout 30 \
          -s bench/wrk.lua "$url" 2>&1 9>&-) || true

    line=$(tail -n 1 <<<"$out")
    [[ $line == "bench "* ]] || die "wrk: $out"
    echo "${line#bench }"
}


# The same with h2load, which knows no percentiles.
run_h2load() {
    local url=$1 out options=() line ms

    ms=$(calc "$2 * 1000")

    while read -r line; do
        options+=(-H "$line")
    done <<<"$headers"

    # shellcheck disable=SC2086
    out=$($others h2load -t 1 -c "$connections" -m 4 -D "${ms}ms" \
          -d "$bench/body/$body" "${options[@]}" "$url" 2>&1 9>&-) \
        || die "h2load: $out"

    awk -v us="${ms}000" '
        /^requests:/     { failed = $10 }
        /^status codes:/ { good = $3; bad = $7 + $9 }
        END              { print good + bad, bad, failed, us, 0, 0 }' <<<"$out"
}


# Runs the load; prints "requests microseconds p50 p99".  All answers have to
# be the expected one.
load() {
    local url=$1 out requests bad failed us p50 p99

    out=$("run_$tool" "$@")
    read -r requests bad failed us p50 p99 <<<"$out"

    [ "$requests" -ne 0 ] || die "no request to $url was answered"
    [ "$failed" -eq 0 ] || die "$failed requests to $url failed"

    if [ "$expect" = 200 ]; then
        [ "$bad" -eq 0 ] || die "$bad of $requests answers of $url are not 2xx"
    else
        [ "$bad" -ge "$requests" ] \
            || die "only $bad of $requests answers of $url are refusals"
    fi

    echo "$requests $us $p50 $p99"
}


# Measures the variants in turn, round by round, and prints a table of them,
# beside the first one.
#
#     compare title variant...
#
# A variant is a line of
#
#     label|process|URL|body|status|paths

compare() {
    local title=$1 file=$bench/result/compare round variant
    local name process url before after requests us rest
    shift

    say "measuring: $title"

    : >"$file"

    # Round 0 is to warm up.  The one after the last only checks the answers
    # again.

    for ((round = 0; round <= rounds + 1; round++)); do
        for variant in "$@"; do
            IFS='|' read -r name process url body expect paths <<<"$variant"

            if [ $round -eq 0 ] || [ $round -gt "$rounds" ]; then
                check "$url"
            fi

            [ $round -le "$rounds" ] || continue

            before=$(cpu "$process")
            rest=$(load "$url" "$seconds")
            after=$(cpu "$process")

            read -r requests us _ <<<"$rest"

            [ $round -eq 0 ] || printf '%s|cpu=%s|rate=%s\n' "$name" \
                "$(calc "($after - $before) / $requests / 1000")" \
                "$(calc "$requests / $us * 1000000")" >>"$file"
        done
    done

    printf '\n%s\n\n' "$title"
    table '  %-20s  %7s  %7s  %-18s  %10s  %-18s' \
        ';CPU us;lowest;ratio;requests/s;ratio' \
        'cpu median %.1f' 'cpu lowest %.1f' 'cpu ratio %.2f' \
        'rate median %.0f' 'rate ratio %.2f' <"$file"
}
