# shellcheck shell=bash disable=SC2034,SC2154
#
# The gateways that util/bench measures, the application behind them, and what
# is sent to them; util/bench sources this after bench/lib.sh.

SECRET=s3cr3t-of-the-plugin
APP=5d1e7a30-9f0c-4b52-8a11-6e0d3c2b1a90
TOKEN=t0ken-of-the-app

MODULES=/usr/lib/nginx/modules

declare -A label=([plain]="proxy_pass alone" [module]="this module" [lua]="Lua"
                  [njs]="njs")

authorized="Content-Type: application/json
X-Secret: $SECRET"

choose_port small
choose_port large


# Starts the application, in processes of its own.  It answers small events at
# once.  It reads the body of a large one first, for which it has the mirror
# module; the picture is there because it refuses a POST.

start_upstream() {
    [ -z "${master[upstream]-}" ] || return 0

    start upstream "$others" <<END
    client_body_buffer_size 2m;

    server {
        listen 127.0.0.1:${port[small]} backlog=4096;
        location / {
            return 200 "taken\n";
        }
    }

    server {
        listen 127.0.0.1:${port[large]} backlog=4096;
        location / {
            mirror /read;
            empty_gif;
            error_page 405 = @taken;
        }
        location = /read {
            internal;
            return 204;
        }
        location @taken {
            return 200 "taken\n";
        }
    }
END
}


# Prints the servers of a variant, for HTTP/1.1 and HTTP/2.  The command "judge"
# prints how a location checks an event; its arguments are the system and the
# upstream.  /file is /munity with nginx's own buffer size.
#
#     variant_conf judge name

variant_conf() {
    local judge=$1 name=$2 h2

    for h2 in "" http2; do
        cat <<END
    server {
        listen 127.0.0.1:${port[$name$h2]} $h2 backlog=4096;

        location /luzmo/ {
$($judge luzmo small)
        }
        location /system/ {
$(case $judge in
    judge_plain | judge_module)  $judge system small ;;
esac)
        }
        location /munity {
            client_body_buffer_size 2m;
$($judge munity large)
        }
        location /file {
$($judge munity large)
        }
        location = /signed {
$($judge signed small)
        }
        location = /401 {
            return 401;
        }
        location = /400 {
            return 400;
        }
        location @small {
            proxy_pass http://small;
        }
        location @large {
            proxy_pass http://large;
        }
    }
END
    done
}


judge_plain() {
    echo "            proxy_pass http://$2;"
}


judge_module() {
    echo "            webhook $1;"

    case $1 in
        signed)  echo "            webhook_signature github $SECRET;" ;;
        *)       echo "            webhook_secret $SECRET;" ;;
    esac

    echo "            proxy_pass http://$2;"
}


judge_lua() {
    echo "            access_by_lua_block { require(\"judge\").$1() }"
    echo "            proxy_pass http://$2;"
}


# Accepted requests go to one of two places, which a variable names.
judge_njs() {
    echo "            set \$judged_upstream @$2;"
    echo "            js_content judge.$1;"
}


# Starts each variant in an nginx of its own, with the modules that it takes and
# no others.
start_variants() {
    local name h2

    [ -z "${master[plain]-}" ] || return 0

    start_upstream

    for name in plain module lua njs; do
        for h2 in "" http2; do
            choose_port "$name$h2"
        done
    done

    # start() is not at the end of a pipe, because it would then be a process of
    # its own, and its variables would be lost.

    start plain "$measured" < <(variant_conf judge_plain plain)
    start module "$measured" "$module" < <(
            cat <<'END'
    webhook_system system {
        event   uri;
        events  data_available data_updated account_deleted;
        field   slug     slug;
        field   dataset  dataset_id;
    }
END
            variant_conf judge_module module)

    start lua "$measured" "$MODULES/ndk_http_module.so" \
        "$MODULES/ngx_http_lua_module.so" < <(
            echo "    lua_package_path \"$ROOT/bench/?.lua;;\";"
            variant_conf judge_lua lua)

    start njs "$measured" "$MODULES/ngx_http_js_module.so" < <(
            echo "    js_path \"$ROOT/bench\";"
            echo "    js_import judge from judge.js;"
            variant_conf judge_njs njs)
}

# Sets variant[] to the lines of all that check events, after the one to compare
# them with.
#
#     variants http2-or-nothing path label path-of-the-first body status

variants() {
    local h2=$1 path=$2 first=$3 first_path=$4 what=$5 status=$6 name

    variant=("$first|${worker[plain]}|$(url "plain$h2")$first_path|$what|$status|")

    for name in module lua njs; do
        variant+=("${label[$name]}|${worker[$name]}|$(url "$name$h2")$path|$what|$status|")
    done
}



# --- bodies ---------------------------------------------------------------

bodies() {
    local size user=3f1c6a52-8d0e-4b7a-9c55-2f6f0a1d7e90
    local key=9a0f8c1e-47d2-4e0b-8a36-5c1b7d2e4f60

    event() {
        printf '{"slug":"acme-01","user_id":"%s","key":"%s","dataset_id":"tasks"}' \
            "$1" "$key"
    }

    event "$user" >"$bench/body/luzmo"
    event "${user%0}g" >"$bench/body/shape"

    printf '{"action":"notify","props":{"list":"tasks","number":1}}' \
        >"$bench/body/create"

    for size in 1024 65536 1048576; do
        awk -v size=$size -f bench/munity.awk >"$bench/body/$size"
    done
}


# --- Lenra ----------------------------------------------------------------

# Makes a state file and the list of its UUIDs, unless they are there.
registrations() {
    local count=$1 dir=$bench/state

    if [ bench/registrations.c -nt "$dir/$count.ids" ]; then
        say "making $count registrations"

        mkdir -p "$dir"
        rm -f "$dir/$count."*
        gcc -O2 -Wall -Wextra -Werror -o "$bench/bin/registrations" \
            bench/registrations.c -llmdb -luuid
        "$bench/bin/registrations" "$count" $APP "$dir/$count.mdb" \
            >"$dir/ids.new"
        mv "$dir/ids.new" "$dir/$count.ids"
    fi
}


# Starts a gateway for Lenra's webhooks.
#
#     start_lenra name zone-size [state]

start_lenra() {
    local name=$1 size=$2 state=${3-}

    [ -n "${port[$name]-}" ] || choose_port "$name"

    start "$name" "$measured" "$module" <<END
    webhook_zone zone=lenra:$size${state:+ state=$state state_size=2g};

    server {
        listen 127.0.0.1:${port[$name]} backlog=4096;

        location / {
            webhook lenra zone=lenra;
            webhook_app $APP environment=1 token=$TOKEN;
            proxy_pass http://small;
        }
    }
END
}


# Starts one with so many registrations, in a zone that is large enough.
start_registrations() {
    local count=$1 name=lenra$1 state

    registrations "$count"
    start_upstream

    state=$bench/$name-state/lenra.mdb
    rm -rf "${state%/*}"
    mkdir -p "${state%/*}"
    cp "$bench/state/$count.mdb" "$state"

    start_lenra "$name" $((count * 400 / 1024 + 4096))k "$state"
}
