# shellcheck shell=bash disable=SC2034
#
# What the scripts in util/ install and fetch; util/lib.sh sources it.  Packages
# that are only unpacked, and nginx's sources, are kept below build/.

PACKAGES_BUILD=(nginx nginx-dev gcc libc6-dev make libjansson-dev uuid-dev
                libssl-dev liblmdb-dev)
PACKAGES_STATIC=(gcc libc6-dev make libjansson-dev uuid-dev libssl-dev
                 liblmdb-dev libpcre2-dev zlib1g-dev)
# llvm has the symbolizer, without which a report has no function names.
PACKAGES_CLANG=(clang libclang-rt-dev llvm)
# What dpkg-buildpackage takes to be there, and the tools
PACKAGES_PACKAGE=(build-essential debhelper)
PACKAGES_TEST=(perl libtest-base-perl libtest-longstring-perl
               liblist-moreutils-perl libtext-diff-perl libipc-run-perl
               libwww-perl libcryptx-perl curl jq procps openssl
               lmdb-utils)


# --- packages -------------------------------------------------------------

as_root() {
    if [ "$EUID" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}


apt_updated=

apt_update() {
    if [ -z "$apt_updated" ]; then
        [ "$EUID" -eq 0 ] || command -v sudo >/dev/null || return 0

        say "apt-get update"
        as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2 </dev/null \
            || say "warning: \"apt-get update\" failed; going on with the" \
                   "package lists that are there"
        apt_updated=1
    fi
}


installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}


# Installs those of the named packages that are missing.
need() {
    local missing=() package

    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null
    then
        say "warning: no apt here; these are taken to be installed: $*"
        return
    fi

    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done

    [ ${#missing[@]} -ne 0 ] || return 0

    [ "$EUID" -eq 0 ] || command -v sudo >/dev/null \
        || die "these packages are missing, and to install them takes root" \
               "or sudo: ${missing[*]}"

    apt_update
    say "installing ${missing[*]}"

    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
        install "${missing[@]}" >&2 </dev/null \
        || die "could not install: ${missing[*]}"
}


# Prepares a private package list of another suite of the same distribution,
# from the mirror that this machine uses, without touching the machine's own
# apt configuration.  Sets APT to the apt configuration file to use.
#
#     private_apt deb|deb-src suite

private_apt() {
    local kind=$1 suite=$2
    local dir=$BUILD/apt/$kind-$suite
    local distribution uri components keys key origin

    APT=$dir/conf

    # shellcheck source=/dev/null
    distribution=$(. /etc/os-release && echo "$ID")

    case $distribution in
        debian) origin=Debian components=main
                keys="debian-archive-keyring" ;;
        ubuntu) origin=Ubuntu components="main universe"
                keys="ubuntu-archive-keyring" ;;
        *)      say "don't know the suites of \"$distribution\""
                return 1 ;;
    esac

    # Several lines are usual: the updates' and the security archive are
    # listed too, the latter under an address that has no other suites.

    mirror() {
        # shellcheck disable=SC2016
        apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' \
            'Component: main' "Origin: $origin" 2>/dev/null \
            | grep -v -e '-security/*$' -e '//security\.' | head -n 1
    }

    uri=$(mirror || true)

    if [ -z "$uri" ]; then
        apt_update
        uri=$(mirror || true)
    fi

    if [ -z "$uri" ]; then
        say "apt knows no mirror of $origin here"
        return 1
    fi

    key=
    for key in /usr/share/keyrings/$keys.{gpg,pgp}; do
        [ ! -e "$key" ] || break
    done

    rm -rf "$dir"
    mkdir -p "$dir"/{lists,cache/archives}/partial

    echo "$kind [signed-by=$key] $uri $suite $components" >"$dir/list"

    # The downloads end up in the checkout, where apt's own user may not
    # write: hence the sandbox line.  A mirror that is behind with these
    # suites is good enough; signatures are checked all the same.

    cat >"$APT" <<EOF
Dir::State::Lists "$dir/lists";
Dir::Cache "$dir/cache";
Dir::Etc::SourceList "$dir/list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
EOF

    # apt-get exits with 0 although a suite can't be reached.

    if ! APT_CONFIG=$APT quietly "$dir/update.log" \
         apt-get -o APT::Update::Error-Mode=any update
    then
        say "the suite \"$suite\" can't be reached"
        return 1
    fi
}


# Unpacks a package of another suite into a folder, without installing it.
#
#     private_package package folder suite...

private_package() {
    local package=$1 into=$2 suite
    shift 2

    for suite in "$@"; do
        private_apt deb "$suite" || continue

        if (cd "$BUILD/apt/deb-$suite" \
            && APT_CONFIG=$APT quietly "$PWD/download.log" \
               apt-get download "$package") \
           && mkdir -p "$into" \
           && dpkg -x "$BUILD/apt/deb-$suite/$package"_*.deb "$into"
        then
            rm -rf "$BUILD/apt/deb-$suite"
            return 0
        fi

        say "the suite \"$suite\" gave no $package"
    done

    return 1
}


# --- Test::Nginx ----------------------------------------------------------

# Makes Test::Nginx available to prove: an installed one, the distribution's
# package, or the package of a newer suite, unpacked below build/.

need_test_nginx() {
    need "${PACKAGES_TEST[@]}"

    export PERL5LIB=$BUILD/perl/usr/share/perl5${PERL5LIB:+:$PERL5LIB}

    # Not loaded: it would look for an nginx to ask for its version.
    test_nginx_found() {
        perl -e 'for (@INC) { exit 0 if -f "$_/Test/Nginx/Socket.pm" } exit 1'
    }

    ! test_nginx_found || return 0

    if command -v apt-cache >/dev/null; then
        if apt-cache show libtest-nginx-perl 2>/dev/null | grep -q .; then
            need libtest-nginx-perl
        else
            say "fetching libtest-nginx-perl from a newer suite"
            private_package libtest-nginx-perl "$BUILD/perl" \
                sid forky devel || true
        fi
    fi

    test_nginx_found \
        || die "Test::Nginx is missing; try \"cpanm Test::Nginx\""
}


# --- promtool ---------------------------------------------------------------

# Unpacks Prometheus' promtool below build/, where t/*.t look for it; without it
# they skip what they need it for.

need_promtool() {
    local dir=$BUILD/prometheus

    ! command -v promtool >/dev/null || return 0
    [ ! -x "$dir/usr/bin/promtool" ] || return 0

    say "fetching promtool"
    rm -rf "$dir"
    mkdir -p "$dir"

    if ! (cd "$dir" \
          && quietly "$dir/download.log" \
             apt-get -o APT::Sandbox::User=root download prometheus \
          && dpkg -x prometheus_*.deb "$dir" \
          && rm -f prometheus_*.deb)
    then
        say "there is no promtool to be had; going on without"
    fi
}


# --- nginx's sources ------------------------------------------------------

# Sets NGINX_SRC to nginx's sources: those of Debian 13, which are 1.26, or
# the same distribution's where there is no such suite.

need_nginx_source() {
    local suite dir

    find_nginx_source() {
        local dir

        NGINX_SRC=

        for dir in "$BUILD"/src/nginx-[0-9]*; do
            [ ! -d "$dir" ] || NGINX_SRC=$dir
        done

        [ -n "$NGINX_SRC" ]
    }

    ! find_nginx_source || return 0

    # shellcheck source=/dev/null
    case $(. /etc/os-release && echo "$ID") in
        ubuntu) suite=$(. /etc/os-release && echo "$VERSION_CODENAME") ;;
        *)      suite=trixie ;;
    esac

    say "fetching nginx's sources"

    private_apt deb-src "$suite" || die "there are no nginx sources to be had"

    dir=$BUILD/apt/deb-src-$suite

    (cd "$dir" && APT_CONFIG=$APT quietly "$dir/download.log" \
                  apt-get source --tar-only "nginx/$suite") \
        || die "there are no nginx sources to be had from \"$suite\""

    # Unpacked beside its place and moved, so that an interrupted run does
    # not leave half a tree to the next.

    rm -rf "$BUILD/src/tmp"
    mkdir -p "$BUILD/src/tmp"
    tar -xf "$dir"/nginx_*.orig.tar.[gx]z -C "$BUILD/src/tmp"
    mv "$BUILD"/src/tmp/nginx-[0-9]* "$BUILD/src/"
    rm -rf "$BUILD/src/tmp" "$dir"

    find_nginx_source || die "the archive of nginx's sources is not as expected"
}
