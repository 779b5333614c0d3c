# shellcheck shell=bash
# The verbs of the lab: a client, a gateway and a server in network namespaces of their own, with
# a resolver, a web server and certificates of a lab CA, and cutoffd on the gateway. To be sourced;
# scripts/lab, scripts/demo and the bats files in tests/lab are its users.
#
# All that a lab has stands in $LAB_DIR, so that a later process can go on with it: LAB_DIR is all
# that it needs. Nothing outside of it is touched but the three namespaces, whose names end in the
# same six letters. A lab ends with lab_down, which may be called at any point and again.

LAB_TREE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB_BUILD=$(realpath -m "${BUILD:-$LAB_TREE/build}")
LAB_CUTOFF_POLICY=1727582400 # 2024-09-29T04:00:00Z, when the updates stage begins

LAB_CLIENT_4=10.47.0.2
LAB_CLIENT_6=fd47::2
LAB_OTHER_CLIENT_4=10.47.0.3
LAB_SHARED_4=192.0.2.40 # every name is served here too
LAB_RESOLVER_4=192.0.2.53
LAB_RESOLVER_6=2001:db8:47::53
LAB_BANNED=(s07.upd.kaspersky.com dnl-01.geo.kaspersky.com dc1.ksn.kaspersky-labs.com)
LAB_PERMITTED=(tip.kaspersky.com securelist.com)
LAB_UNRELATED=(www.example.org)

# ---- waiting and failing

lab_die() {
  echo "lab: $*" >&2
  return 1
}

lab_now() {
  date +%s.%N
}

# lab_wait SECONDS COMMAND...: until COMMAND succeeds; fails when it did not in that time.
lab_wait() {
  local limit=$1 end
  shift
  end=$((${EPOCHREALTIME/./} + limit * 1000000))
  until "$@" >/dev/null 2>&1; do
    if ((${EPOCHREALTIME/./} > end)); then
      lab_die "waited $limit s in vain for: $*"
      return 1
    fi
    sleep 0.02
  done
}

# lab_until EPOCH [MILLISECONDS]: until that instant and so much beyond it.
lab_until() {
  local left=$((($1 * 1000 + ${2:-0}) * 1000 - ${EPOCHREALTIME/./}))
  if ((left > 0)); then
    sleep "$((left / 1000000)).$(printf '%06d' $((left % 1000000)))"
  fi
}

# ---- namespaces and processes

lab_namespace() {
  echo "cutoffd-${LAB_DIR##*.}-$1"
}

# lab_in ROLE COMMAND...: runs it there (client, gateway, server), with the lab's resolver.
lab_in() {
  lab_enter "$@"
  "${lab_entered[@]}"
}

# The whole command behind lab_in, which becomes COMMAND without a process between.
lab_enter() {
  local role=$1
  shift
  # shellcheck disable=SC2016 # the inner shell's words
  lab_entered=(ip netns exec "$(lab_namespace "$role")"
    sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$LAB_DIR/resolv.conf" "$@")
}

# The start time tells a process from a later one with the same number.
lab_process_start() {
  awk '{ sub(/.*\) /, ""); if ($1 != "Z") print $20 }' "/proc/$1/stat" 2>/dev/null
}

# lab_spawn TAG ROLE COMMAND...: in the background; its words go to $LAB_DIR/TAG.log.
lab_spawn() {
  local tag=$1 pid
  shift
  lab_enter "$@"
  setsid "${lab_entered[@]}" >>"$LAB_DIR/$tag.log" 2>&1 </dev/null 3>&- &
  pid=$!
  disown "$pid" 2>/dev/null
  echo "$pid $(lab_process_start "$pid")" >"$LAB_DIR/pids/$tag"
}

lab_pid() {
  local pid
  read -r pid _ <"$LAB_DIR/pids/$1" && echo "$pid"
}

lab_is_running() {
  local pid start
  [[ -e $LAB_DIR/pids/$1 ]] && read -r pid start <"$LAB_DIR/pids/$1" &&
    [[ -n $start && $(lab_process_start "$pid") == "$start" ]]
}

lab_is_gone() {
  ! lab_is_running "$1"
}

# lab_stop TAG [SIGNAL]: waits for its end; KILL after ten seconds.
lab_stop() {
  if lab_is_running "$1"; then
    kill "-${2:-TERM}" "$(lab_pid "$1")"
    lab_wait 10 lab_is_gone "$1" || kill -KILL "$(lab_pid "$1")"
  fi
  rm -f "$LAB_DIR/pids/$1"
}

# ---- making and unmaking

# Sets LAB_DIR.
lab_up() {
  local role
  ((EUID == 0)) || lab_die 'network namespaces need root' || return
  # Not TMPDIR, which may be root's own: the recorder's user writes events in there.
  LAB_DIR=$(mktemp -d "${LAB_PARENT:-/tmp}/cutoffd-lab.XXXXXX") || return
  export LAB_DIR
  chmod 755 "$LAB_DIR"
  mkdir "$LAB_DIR"/{pids,www,certificates,nginx}
  echo "nameserver $LAB_RESOLVER_4" >"$LAB_DIR/resolv.conf"
  for role in client gateway server; do
    ip netns add "$(lab_namespace $role)" || return
    ip -n "$(lab_namespace $role)" link set lo up || return
  done
  lab_wires && lab_certificates && lab_resolver && lab_server
}

lab_wires() {
  local client gateway server address
  client=$(lab_namespace client)
  gateway=$(lab_namespace gateway)
  server=$(lab_namespace server)
  ip -n "$gateway" link add lan0 type veth peer name eth0 netns "$client" &&
    ip -n "$gateway" link add wan0 type veth peer name eth0 netns "$server" || return
  lab_address gateway lan0 10.47.0.1/24 fd47::1/64
  lab_address gateway wan0 192.0.2.1/24 2001:db8:47::1/64
  lab_address client eth0 "$LAB_CLIENT_4/24" "$LAB_CLIENT_6/64" "$LAB_OTHER_CLIENT_4/24"
  lab_address server eth0 "$LAB_SHARED_4/24" "$LAB_RESOLVER_4/24" "$LAB_RESOLVER_6/64"
  for address in $(lab_hosts | cut -d ' ' -f 2,3); do
    [[ $address == *:* ]] && address+=/64 || address+=/24
    lab_address server eth0 "$address"
  done
  ip -n "$client" route add default via 10.47.0.1 &&
    ip -n "$client" -6 route add default via fd47::1 &&
    ip -n "$server" route add default via 192.0.2.1 &&
    ip -n "$server" -6 route add default via 2001:db8:47::1 || return
  lab_in gateway sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
    echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
}

# lab_address ROLE DEVICE ADDRESS/LENGTH...
lab_address() {
  local namespace device=$2 address
  namespace=$(lab_namespace "$1")
  shift 2
  for address; do
    if [[ $address == *:* ]]; then
      ip -n "$namespace" address add "$address" dev "$device" nodad
    else
      ip -n "$namespace" address add "$address" dev "$device"
    fi
  done
  ip -n "$namespace" link set "$device" up
}

# The gateway hides its clients behind its own address.
lab_masquerade() {
  lab_in gateway nft -f - <<<'table inet lab_nat {
    chain leaving {
      type nat hook postrouting priority srcnat
      oifname wan0 masquerade
    }
  }'
}

# lab_dnat ADDRESS SERVER: what clients send to ADDRESS, the gateway sends to SERVER.
lab_dnat() {
  lab_in gateway nft -f - <<<"table inet lab_dnat {
    chain entering {
      type nat hook prerouting priority dstnat
      iifname lan0 ip daddr $1 dnat ip to $2
    }
  }"
}

# An explicit proxy on the gateway, for the client: http://10.47.0.1:8888.
lab_proxy() {
  printf '%s\n' >"$LAB_DIR/tinyproxy.conf" 'Port 8888' 'Listen 10.47.0.1' 'Allow 10.47.0.0/24' \
    'User nobody' 'MaxClients 20' 'Timeout 60' 'LogLevel Info'
  lab_spawn proxy gateway tinyproxy -d -c "$LAB_DIR/tinyproxy.conf"
  lab_wait 10 lab_fetch "${LAB_UNRELATED[0]}" -x http://10.47.0.1:8888 ||
    lab_die "the proxy does not answer: $(tail -n 3 "$LAB_DIR/proxy.log")"
}

# A line for each name that the server has: NAME ADDRESS ADDRESS.
lab_hosts() {
  local name number=10
  for name in "${LAB_BANNED[@]}" "${LAB_PERMITTED[@]}" "${LAB_UNRELATED[@]}"; do
    echo "$name 192.0.2.$number 2001:db8:47::$number"
    number=$((number + 1))
  done
}

# Ends what runs, takes the namespaces away, then the folder.
lab_down() {
  local tag role namespace
  [[ -n ${LAB_DIR-} && -d $LAB_DIR ]] || return 0
  for tag in "$LAB_DIR"/pids/*; do
    [[ ! -e $tag ]] || lab_stop "${tag##*/}"
  done
  for role in client gateway server; do
    namespace=$(lab_namespace $role)
    ip netns pids "$namespace" >/dev/null 2>&1 || continue
    lab_wait 2 lab_is_empty "$namespace" 2>/dev/null ||
      ip netns pids "$namespace" | xargs -r kill -KILL
    ip netns delete "$namespace"
  done
  rm -rf "$LAB_DIR"
}

lab_is_empty() {
  [[ -z $(ip netns pids "$1") ]]
}

# ---- what the server side runs

lab_certificates() {
  local name folder=$LAB_DIR/certificates
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
      -subj '/O=cutoffd lab/CN=lab CA' -keyout "$folder/ca.key" -out "$folder/ca.pem"
    for name in "${LAB_BANNED[@]}" "${LAB_PERMITTED[@]}" "${LAB_UNRELATED[@]}"; do
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -subj "/O=cutoffd lab/CN=$name" \
        -addext "subjectAltName=DNS:$name" -addext basicConstraints=critical,CA:false \
        -keyout "$folder/$name.key" -out "$folder/$name.pem" || break
    done
  } >"$LAB_DIR/openssl.log" 2>&1 || lab_die "certificates: $(tail -n 3 "$LAB_DIR/openssl.log")"
}

lab_resolver() {
  local name four six
  {
    printf '%s\n' no-resolv no-hosts 'local=/#/' bind-interfaces "listen-address=$LAB_RESOLVER_4" \
      "listen-address=$LAB_RESOLVER_6" user=root log-queries log-facility=- pid-file= local-ttl=60
    while read -r name four six; do
      printf 'host-record=%s,%s,%s\n' "$name" "$four" "$six"
    done < <(lab_hosts)
  } >"$LAB_DIR/dnsmasq.conf"
  lab_spawn dnsmasq server dnsmasq --keep-in-foreground --conf-file="$LAB_DIR/dnsmasq.conf"
  lab_wait 10 lab_in client dig +time=1 +tries=1 "${LAB_UNRELATED[0]}" ||
    lab_die "the resolver does not answer: $(tail -n 3 "$LAB_DIR/dnsmasq.log")"
}

# One site for each name, on every address; /slow trickles for minutes.
lab_server() {
  local name
  truncate -s 256M "$LAB_DIR/www/slow"
  {
    cat <<CONFIG
daemon off;
user root;
worker_processes 1;
pid $LAB_DIR/nginx/pid;
error_log $LAB_DIR/nginx.log info;
events { worker_connections 1024; }
http {
  log_format lab '\$msec \$ssl_server_name \$host \$remote_addr \$status \$bytes_sent \$uri';
  access_log $LAB_DIR/access.log lab;
  client_body_temp_path $LAB_DIR/nginx/body;
  proxy_temp_path $LAB_DIR/nginx/proxy;
  fastcgi_temp_path $LAB_DIR/nginx/fastcgi;
  uwsgi_temp_path $LAB_DIR/nginx/uwsgi;
  scgi_temp_path $LAB_DIR/nginx/scgi;
  output_buffers 1 8k;
  sendfile off;
CONFIG
    while read -r name _; do
      cat <<CONFIG
  server {
    listen 80;
    listen [::]:80;
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name $name;
    ssl_certificate $LAB_DIR/certificates/$name.pem;
    ssl_certificate_key $LAB_DIR/certificates/$name.key;
    location / { return 200 "$name\\n"; }
    location = /slow { root $LAB_DIR/www; limit_rate 1m; }
  }
CONFIG
    done < <(lab_hosts)
    echo '}'
  } >"$LAB_DIR/nginx.conf"
  lab_spawn nginx server nginx -p "$LAB_DIR/nginx" -c "$LAB_DIR/nginx.conf" -e "$LAB_DIR/nginx.log"
  lab_wait 10 lab_fetch "${LAB_UNRELATED[0]}" ||
    lab_die "the web server does not answer: $(tail -n 3 "$LAB_DIR/nginx.log")"
}

# ---- what the client does

# lab_fetch NAME [curl's options]: one HTTPS request, whose body is the name; curl's status.
lab_fetch() {
  local name=$1
  shift
  lab_in client curl -sS --max-time 5 --cacert "$LAB_DIR/certificates/ca.pem" "$@" \
    "https://$name/"
}

# lab_fetch_plain NAME [curl's options]: the same on port 80.
lab_fetch_plain() {
  local name=$1
  shift
  lab_in client curl -sS --max-time 5 "$@" "http://$name/"
}

# lab_is_refused COMMAND...: fails at once; a timeout (curl's 28) is no refusal.
lab_is_refused() {
  local rc=0 begun=${EPOCHREALTIME/./}
  "$@" >/dev/null || rc=$?
  ((rc != 0 && rc != 28 && ${EPOCHREALTIME/./} - begun < 1000000)) ||
    lab_die "status $rc after $(((${EPOCHREALTIME/./} - begun) / 1000)) ms: $*"
}

# lab_refuses URL [curl's options]: a long answer does not come. In passive mode a short one can be
# faster than the mark, on a machine that has more to do.
lab_refuses() {
  lab_is_refused lab_in client curl -sS --max-time 5 --cacert "$LAB_DIR/certificates/ca.pem" \
    "${@:2}" "$1/slow"
}

# lab_download TAG URL [curl's options]: a slow one in the background. What came is in
# $LAB_DIR/TAG.data; some seconds without a byte end it.
lab_download() {
  local tag=$1 url=$2
  shift 2
  : >"$LAB_DIR/$tag.data"
  # shellcheck disable=SC2016 # the inner shell's words
  lab_spawn "$tag" client sh -c '"$@" & trap "kill $!" TERM; wait $!; echo "ended $? $(date +%s.%N)"' \
    sh curl -sS -N --http1.1 --speed-limit 1 --speed-time 2 --cacert "$LAB_DIR/certificates/ca.pem" \
    -o "$LAB_DIR/$tag.data" "$@" "$url"
  lab_wait 10 test -s "$LAB_DIR/$tag.data" ||
    lab_die "the download did not begin: $(tail -n 3 "$LAB_DIR/$tag.log")"
}

# lab_download_end TAG: "STATUS INSTANT" once it ended, curl's status (56: reset, 18: closed, 28:
# nothing came any more) and when; fails while it goes on.
lab_download_end() {
  sed -n 's/^ended //p' "$LAB_DIR/$1.log" | grep .
}

lab_download_bytes() {
  stat -c %s "$LAB_DIR/$1.data"
}

# lab_download_grows TAG: whether bytes still come.
lab_download_grows() {
  local before
  before=$(lab_download_bytes "$1")
  lab_wait 2 lab_download_is_past "$1" "$before"
}

lab_download_is_past() {
  (($(lab_download_bytes "$1") > $2))
}

# lab_echo: the server sends every datagram to port 4747 back.
lab_echo() {
  lab_spawn echo server "${PYTHON:-/usr/bin/python3}" "$LAB_TREE/tests/lab/datagrams.py" echo 4747
  lab_wait 5 grep -q '^ready' "$LAB_DIR/echo.log"
}

# lab_stream TAG NAME A|AAAA: asks the resolver for NAME, and sends datagrams there until an error
# comes. $LAB_DIR/TAG.log says when the first answer came ("begun INSTANT"), and how it ended. The
# resolver is asked by the same protocol: a client is known by its address.
lab_stream() {
  local address resolver=$LAB_RESOLVER_4
  [[ $3 == A ]] || resolver=$LAB_RESOLVER_6
  address=$(lab_in client dig +short "@$resolver" "$3" "$2") && [[ -n $address ]] || return
  lab_spawn "$1" client "${PYTHON:-/usr/bin/python3}" "$LAB_TREE/tests/lab/datagrams.py" stream \
    "$address" 4747
}

# lab_stream_end TAG: "ERROR LAST END": errno's name, when the last answer came and when the error.
lab_stream_end() {
  sed -n 's/^ended //p' "$LAB_DIR/$1.log" | grep .
}

# lab_server_end NAME: when the server gave up on its last slow transfer under this name.
lab_server_end() {
  awk -v name="$1" '$3 == name && $7 == "/slow" { at = $1 } END { print at; exit !at }' \
    "$LAB_DIR/access.log"
}

# lab_milliseconds INSTANT SINCE
lab_milliseconds() {
  awk -v a="$1" -v b="$2" 'BEGIN { printf "%d\n", (a - b) * 1000 }'
}

# ---- cutoffd on the gateway

# lab_policy MODE SECONDS [LINE...]: the shipped packs with the US cutoff so many seconds from now
# (negative: past); LINEs are added as they are. The instant goes to $LAB_DIR/cutoff.
lab_policy() {
  local mode=$1 cutoff
  cutoff=$(($(date +%s) + $2))
  shift 2
  echo "$cutoff" >"$LAB_DIR/cutoff"
  printf '%s\n' >"$LAB_DIR/cutoffd.yaml" \
    'capture: passive' \
    'interfaces: [lan0, wan0]' \
    "mode: $mode" \
    "packs: [$LAB_TREE/config]" \
    'adopt:' \
    '  - measure: us-kaspersky-2024' \
    '    stages: [updates]' \
    "state: $LAB_DIR/state" \
    "runtime: $LAB_DIR/run" \
    "events: $LAB_DIR/events.json" \
    "rehearse: {offset: $((LAB_CUTOFF_POLICY - cutoff))s}" \
    "$@"
}

lab_cutoff() {
  cat "$LAB_DIR/cutoff"
}

# Starts it with $LAB_DIR/cutoffd.yaml and waits until it says that it is ready.
lab_daemon() {
  lab_daemon_begin || return
  lab_wait 20 lab_is_ready_or_gone && lab_is_running cutoffd ||
    lab_die "cutoffd did not start: $(tail -n 5 "$LAB_DIR/cutoffd.log")"
}

lab_daemon_begin() {
  mkdir -p "$LAB_DIR/state" "$LAB_DIR/run"
  if lab_is_gone notify; then
    lab_spawn notify gateway "${PYTHON:-/usr/bin/python3}" "$LAB_TREE/tests/lab/notify.py" \
      "$LAB_DIR/notify"
    lab_wait 5 test -S "$LAB_DIR/notify" || return
  fi
  : >"$LAB_DIR/notify.log"
  # The leak sanitizer would trace its own process, which the sandbox forbids.
  lab_spawn cutoffd gateway env NOTIFY_SOCKET="$LAB_DIR/notify" WATCHDOG_USEC=2000000 \
    ASAN_OPTIONS=detect_leaks=0 "$LAB_BUILD/cutoffd" run -c "$LAB_DIR/cutoffd.yaml"
}

lab_is_ready_or_gone() {
  grep -q '^READY=1' "$LAB_DIR/notify.log" || lab_is_gone cutoffd
}

# Fails with what a sanitizer had to say about the daemon, in a build that has one.
lab_is_sane() {
  ! grep -E -A 24 'ERROR: AddressSanitizer|runtime error:' "$LAB_DIR/cutoffd.log" 2>/dev/null
}

lab_ctl() {
  "$LAB_BUILD/cutoffctl" "$@" --socket "$LAB_DIR/run/control.sock"
}

# lab_role NAME: pids of the daemon's sensors or of its recorder.
lab_role() {
  local pid
  for pid in $(cat "/proc/$(lab_pid cutoffd)/task"/*/children); do
    if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- "$1"; then
      echo "$pid"
    fi
  done
}

lab_table() {
  lab_in gateway nft list table inet cutoffd
}

# What a reboot takes from the gateway's kernel: the table, and all connections.
lab_reboot() {
  lab_in gateway nft delete table inet cutoffd && lab_in gateway conntrack -F
}

# What the boot does before the network is up.
lab_restore() {
  lab_in gateway "$LAB_BUILD/cutoffd" restore --state "$LAB_DIR/state" -c "$LAB_DIR/cutoffd.yaml"
}

# lab_events FILTER: the events that jq's FILTER selects; fails when there is none.
lab_events() {
  jq -c "select($1)" "$LAB_DIR/events.json" 2>/dev/null | grep .
}
