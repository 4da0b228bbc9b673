# shellcheck shell=bash
# To be sourced by docker-engine and podman-engine: a Docker client and images, made of Debian packages.
#
#   need_engine_parts    what both need of this machine; where it is not there, they exit with 3
#   unpack_client SUITE  Docker's engine and client of a Debian suite, into $parts/x
#   unpack_debians       what the images are made of
#   make_python          the base of Portcall's image, in a storage of buildah's own
#   make_servers FILE    images of RabbitMQ and PostgreSQL, in the engine; FILE says that they are there
#   make_newest_servers FILE   the same of Debian testing, rabbitmq:newest and postgres:newest
#   free_images          end what buildah keeps mounted
#   remove_groups        remove the control groups of the containers; $group is their name
#   build TAG [CHECKOUT] Portcall's image of CHECKOUT, into the engine
#
# The base images are made of Debian, because there may be no registry of images to pull from:
# tests/containers/images has them.

source scripts/debian-suite.sh
here=$PWD
parts=$here/.cache/docker-engine
export PATH=$parts/x/usr/sbin:$parts/x/usr/bin:$PATH:/usr/sbin:/sbin
export DOCKER_CONFIG=$parts/config
conf=$parts/containers.conf
group=portcall-tests-$(cksum <<<"$here" | cut -d ' ' -f 1) # an engine in another folder has another one
began=$SECONDS

say() { echo "[$((SECONDS - began)) s] $*" >&2; }
die() { echo "$*" >&2; exit 1; }
give_up() { echo "No engine on this machine: $*" >&2; exit 3; }
buildah() { CONTAINERS_CONF=$conf command buildah --root "$parts/images" --runroot "$parts/images.run" "$@"; }
free_images() { # buildah leaves its storage mounted, which would hinder a removal of .cache
    buildah rm --all >/dev/null 2>&1 || true
    umount "$parts/images/overlay" 2>/dev/null || true
}
remove_groups() {
    local each
    for each in /sys/fs/cgroup/{,*/}"$group"; do
        [ ! -d "$each" ] || find "$each" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
}
up() { docker info >/dev/null 2>&1; }

need_engine_parts() {
    [ "$(id -u)" = 0 ] || give_up "starting one needs root."
    has_apt || give_up "this is no Debian, or it lacks apt or $keyring."
    unshare --net --mount true 2>/dev/null || give_up "namespaces are not allowed here."
    can_make_groups || give_up "control groups cannot be made here."
    scripts/debian-packages debootstrap buildah runc iptables || give_up "packages are missing."
    unshare --net iptables --table nat --list >/dev/null 2>&1 || give_up "the kernel has no iptables, or does not allow it."
    mkdir -p "$parts"
    # No more than the machine allows, and no systemd to ask for a control group. The older buildah
    # leaves the number of processes alone, and cannot set it.
    printf '[containers]\ndefault_ulimits = ["nofile=%s:%s"]\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\n' \
        "$(ulimit -Hn)" "$(ulimit -Hn)" >"$conf"
}

can_make_groups() { # the first hierarchy stands for all
    local hierarchy
    hierarchy=$(findmnt --noheadings --list --output TARGET --types cgroup2,cgroup | head -n 1)
    [ -n "$hierarchy" ] && mkdir -p "$hierarchy/$group" 2>/dev/null && remove_groups
}

unpack_client() { # SUITE
    local apt=$parts/apt package
    [ "$(cat "$parts/suite" 2>/dev/null)" != "$1" ] || return 0
    rm -rf --one-file-system "$apt" "$parts"/{x,data,servers.made}
    mkdir -p "$apt/debs"
    use_suite "$1" "$apt"
    { suite_apt update && cd "$apt/debs" && suite_apt download docker.io containerd docker-compose docker-cli && cd "$here"; } ||
        give_up "its packages could not be fetched: $apt/log"
    for package in "$apt"/debs/*.deb; do dpkg-deb --extract "$package" "$parts/x"; done
    mkdir -p "$DOCKER_CONFIG/cli-plugins"
    echo "{}" >"$DOCKER_CONFIG/config.json"
    ln -sf "$parts/x/usr/libexec/docker/cli-plugins/docker-compose" "$DOCKER_CONFIG/cli-plugins/"
    rm -rf "$apt"
    echo "$1" >"$parts/suite"
    say "engine of $1 unpacked"
}

unpack_debian() { # NAME PACKAGES [SUITE]: into $parts/NAME
    local root=$parts/$1
    [ ! -e "$root.done" ] || return 0
    rm -rf --one-file-system "$root"
    # In a mount namespace, so that nothing stays mounted where it is cut off.
    unshare --mount debootstrap --variant=minbase --include="$2" "${3:-trixie}" "$root" "$(debian_mirror)" >"$root.log" 2>&1 || return 1
    rm -rf "$root"/var/cache/apt/archives/*.deb
    touch "$root.done"
}

servers=rabbitmq-server,postgresql,gosu,procps

unpack_debians() { # both at once
    unpack_debian python ca-certificates,python3-venv,binutils &
    local python=$!
    unpack_debian servers "$servers" || give_up "debootstrap failed: $parts/servers.log"
    wait $python || give_up "debootstrap failed: $parts/python.log"
}

is_older() { # FILE IMAGE...: FILE is not there, or older than what the images are made of
    local file=$1
    shift
    [ ! -e "$file" ] || [ -n "$(find "${@/#/tests/containers/images/}" -newer "$file")" ]
}

python_image=localhost/python:debian-13 # stands in for the base that a Dockerfile names, of every release

make_python() { # where Portcall's image is built
    is_older "$parts/python.made" python || return 0
    local base
    buildah rm --all >/dev/null # of a run that was cut off
    base=$(buildah from scratch)
    buildah copy --quiet "$base" "$parts/python" / >/dev/null
    buildah commit --quiet --rm "$base" localhost/debian:13 >/dev/null
    buildah build --quiet --format docker --network none --tag "$python_image" \
        tests/containers/images/python >/dev/null
    touch "$parts/python.made"
    say "the base of Portcall's image is made"
}

make_servers() { # FILE
    is_older "$1" rabbitmq postgres || return 0
    docker image inspect localhost/debian:13 >/dev/null 2>&1 ||
        tar --directory "$parts/servers" --create . | docker import - localhost/debian:13 >/dev/null
    build_in_engine rabbitmq:4-management
    build_in_engine postgres:18
    build_in_engine postgres:17 --build-arg PGDATA=/var/lib/postgresql/data --build-arg VOLUME=/var/lib/postgresql/data
    touch "$1"
    say "images of the servers are made"
}

make_newest_servers() { # FILE
    is_older "$1" rabbitmq postgres || return 0
    unpack_debian newest "$servers" testing || give_up "debootstrap failed: $parts/newest.log"
    docker image inspect localhost/debian:testing >/dev/null 2>&1 ||
        tar --directory "$parts/newest" --create . | docker import - localhost/debian:testing >/dev/null
    build_in_engine rabbitmq:newest --build-arg BASE=localhost/debian:testing
    build_in_engine postgres:newest --build-arg BASE=localhost/debian:testing
    touch "$1"
    say "images of Debian testing's servers are made"
}

build_in_engine() { # IMAGE OPTION...: by the engine itself, without the plug-in that Debian packs apart
    local image=$1
    shift
    DOCKER_BUILDKIT=0 docker build --quiet --network none --tag "$image" "$@" "tests/containers/images/${image%%:*}" \
        >"$parts/build.log" 2>&1 || { cat "$parts/build.log" >&2; die "$image cannot be built"; }
}

build() { # TAG [CHECKOUT]
    local checkout=${2:-$here} ca=/etc/ssl/certs/ca-certificates.crt
    # The Dockerfile of 0.1.0 knows no secrets: it finds the same in the usual places.
    local secrets=(--secret "id=pip.conf,src=$parts/pip.conf" --volume "$parts/pip.conf:/etc/pip.conf:ro")
    { # of this machine's settings only where packages are; other lines may name files
        echo "[global]"
        python3 -m pip config list 2>/dev/null |
            sed -n "s/^global\.\(index-url\|trusted-host\|proxy\)='\(.*\)'$/\1 = \2/p"
    } >"$parts/pip.conf"
    if [ -r $ca ]; then
        echo "cert = $ca" >>"$parts/pip.conf"
        secrets+=(--secret "id=ca,src=$ca" --volume "$ca:$ca:ro")
    fi
    buildah build --quiet --format docker --network host --layers --ulimit "nofile=$(ulimit -Hn):$(ulimit -Hn)" \
        "${secrets[@]}" --build-arg "PYTHON_IMAGE=$python_image" --build-arg "PORTCALL_VERSION=$1" \
        --tag "docker.io/library/portcall:$1" "$checkout" >/dev/null
    say "portcall:$1 built"
    buildah push --quiet "docker.io/library/portcall:$1" "docker-archive:$parts/image.$$.tar:docker.io/library/portcall:$1"
    docker load --quiet --input "$parts/image.$$.tar" >&2
    rm -f "$parts/image.$$.tar"
    say "portcall:$1 loaded"
}
