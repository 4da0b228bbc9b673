# shellcheck shell=bash
# Shared by the scripts here: a temporary folder, pinned packages, servers on the loopback.
#
# A script ends with 0 when what it describes is seen, with 1 when something else is, and with 3
# when it cannot be seen on this machine, e.g. because a Debian package is missing.

set -euo pipefail

work=$(mktemp -d)
pids=()
export npm_config_cache=$work/npm PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
unset PYTHONPATH PYTHONHOME

clean_up() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${pids[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT

cannot() {
    echo "cannot be seen here: $*" >&2
    exit 3
}

# python_packages NAME==VERSION ...
python_packages() {
    python3 -m pip install --quiet --no-input --target "$work/python" "$@" 2>"$work/pip.log" ||
        cannot "pip could not install $*: $(tail -n 1 "$work/pip.log")"
    export PYTHONPATH="$work/python"
}

# node_packages NAME@VERSION ...
node_packages() {
    command -v npm >/dev/null || cannot "npm is not installed"
    npm install --silent --no-audit --no-fund --prefix "$work/node" "$@" >"$work/npm.log" 2>&1 ||
        cannot "npm could not install $*"
    export NODE_PATH="$work/node/node_modules"
}

# debian_package NAME VERSION: the version up to Debian's own part
debian_package() {
    local found
    found=$(dpkg-query --show --showformat='${Version}' "$1" 2>/dev/null || true)
    [[ $found == "$2"* ]] || cannot "this is about Debian's $1 $2, and there is '${found:-none}'"
    echo "$1 $found"
}

free_port() {
    python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_for PORT PID SECONDS: until something listens there
wait_for() {
    local tries
    for ((tries = 0; tries < $3 * 5; tries++)); do
        (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        kill -0 "$2" 2>/dev/null || cannot "the server ended: $(tail -n 2 "$work"/*.log)"
        sleep 0.2
    done
    cannot "nothing listened on port $1 within $3 s"
}

# broker PLUGIN: a RabbitMQ node, with a plugin (or "") of Debian 12 on the loopback; sets amqp_port and AMQP_URL
broker() {
    debian_package rabbitmq-server 3.10.8
    local node=/usr/lib/rabbitmq/bin/rabbitmq-server epmd_port dist_port pid
    [[ $(id -u) == 0 ]] || cannot "Debian's RabbitMQ starts as root only"
    amqp_port=$(free_port) epmd_port=$(free_port) dist_port=$(free_port)
    mkdir "$work/broker"
    printf 'listeners.tcp.1 = 127.0.0.1:%s\n' "$amqp_port" >"$work/broker/rabbitmq.conf"
    echo "[$1]." >"$work/broker/plugins"
    export ERL_EPMD_PORT=$epmd_port ERL_EPMD_ADDRESS=127.0.0.1
    epmd -port "$epmd_port" -address 127.0.0.1 >"$work/epmd.log" 2>&1 &
    pids+=($!)
    wait_for "$epmd_port" $! 10
    env HOME="$work/broker" RABBITMQ_NODENAME="finding$amqp_port@localhost" \
        RABBITMQ_CONFIG_FILE="$work/broker/rabbitmq.conf" RABBITMQ_MNESIA_BASE="$work/broker" \
        RABBITMQ_LOG_BASE="$work/broker/log" RABBITMQ_DIST_PORT="$dist_port" \
        RABBITMQ_PID_FILE="$work/broker/pid" RABBITMQ_ENABLED_PLUGINS_FILE="$work/broker/plugins" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' \
        "$node" >"$work/broker.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for "$amqp_port" "$pid" 40
    pids+=("$(cat "$work/broker/pid")")
    export AMQP_URL="amqp://guest:guest@127.0.0.1:$amqp_port/%2F" AMQP_PORT=$amqp_port
}

# described WANTED: reads what was seen, shows it, and compares it line by line
described() {
    local seen
    seen=$(cat)
    printf '\nseen:\n%s\n' "$seen"
    if [[ $seen != "$1" ]]; then
        printf '\nthis is not what the script describes:\n%s\n' "$1"
        exit 1
    fi
    printf '\nas described\n'
}

# foreign_debian_package SUITE NAME VERSION: unpacks a package of another Debian suite, without its dependencies, into
# $work/debian; nothing is installed. The version up to Debian's own part
foreign_debian_package() {
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt=$work/apt mirror deb
    [[ -r $keyring ]] || cannot "this is no Debian"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
    [[ $mirror ]] || cannot "apt knows no mirror"
    mkdir -p "$apt"/{lists,cache/archives}/partial "$work/debian"
    : >"$apt/status"
    echo "deb [signed-by=$keyring] $mirror $1 main" >"$apt/sources.list"
    local options=(-qq -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State::Lists="$apt/lists" -o Dir::State::Status="$apt/status" -o Dir::Cache="$apt/cache"
        -o APT::Sandbox::User=root -o Acquire::Languages=none)
    { apt-get "${options[@]}" update && cd "$apt" && apt-get "${options[@]}" download "$2"; } >"$apt/log" 2>&1 ||
        cannot "$2 of $1 could not be fetched"
    deb=$(basename "$apt/$2"_*.deb)
    [[ $deb == "$2_$3"* ]] || cannot "this is about $2 $3, and $1 has $deb"
    dpkg-deb --extract "$apt/$deb" "$work/debian"
    cd "$work"
    echo "${deb%_*.deb} of $1"
}
