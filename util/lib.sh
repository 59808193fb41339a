# shellcheck shell=bash disable=SC2034
#
# What the scripts in util/ share; it is sourced, not run.  Nothing is written
# outside the checkout, except that missing packages are installed.

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
BUILD=$ROOT/build
JOBS=${JOBS:-$(nproc)}

MODULE=ngx_http_webhook_module
NGINX=${NGINX:-/usr/sbin/nginx}

# Where Debian's nginx-dev keeps the headers and the configure script that
# fit the installed nginx.
NGINX_DEV=/usr/share/nginx/src


say() {
    printf '%s\n' "$*" >&2
}


die() {
    say "error: $*"
    exit 1
}


# nginx's makefiles do not quote file names.
case $ROOT in
    *[[:space:]]*) die "the path \"$ROOT\" has a space in it;" \
                       "nginx can't be built there" ;;
esac

mkdir -p "$BUILD"


# Runs a command with its output in a log file, which is shown only when
# the command fails.
quietly() {
    local log=$1
    shift

    mkdir -p "$(dirname "$log")"

    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        return 1
    fi
}


# Copies what belongs to the sources into a folder; without git, all that is
# there.
copy_sources() {
    local folder=$1

    list() {
        if [ ! -e "$ROOT/.git" ] \
           || ! git -C "$ROOT" ls-files -z 2>/dev/null
        then
            (cd "$ROOT" && find . -path ./build -prune -o -type f -print0)
        fi
    }

    # The modes of a checkout depend on who has made it.
    (umask 022 \
     && mkdir -p "$folder" \
     && tar -C "$ROOT" --exclude-vcs --mode=u=rwX,go=rX \
            --null -T <(list) -cf - \
        | tar -C "$folder" -xf -)
}


# shellcheck source=util/apt.sh
. "$ROOT/util/apt.sh"
