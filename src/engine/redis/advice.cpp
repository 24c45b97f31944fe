#include "engine/redis/advice.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace condolock::engine::redis {
namespace {

struct Remedy {
  std::string_view part;  // of the failure's text
  std::string_view advice;
};

// The first match is used. Errors of a server come first: a failure may hold both such an error and "no answer".
constexpr std::array<Remedy, 36> remedies{{
    {": MOVED", "write redis+cluster:// in the URL, with several nodes"},
    {": ASK ", "write redis+cluster:// in the URL, with several nodes"},
    {"is not a Sentinel", "name the port of a Sentinel, or write redis:// for a server"},
    {"belongs to no Cluster", "name the nodes of one Cluster, or write redis:// for a single server"},
    {"again and again", "wait until the Cluster has moved the keys, or repair it: run redis-cli --cluster check"},
    {"a Sentinel names it as the primary", "wait until the Sentinels have finished the failover"},
    {"they know: ", "use one of these names in the URL"},
    {"they watch none", "let the Sentinels watch a primary (sentinel monitor), or name others"},
    {"confirmed the change", "bring the replicas back, or lower --wait-replicas"},
    {": MISCONF", "free space on the server's disk and read its log; it accepts writes again after a successful BGSAVE"},
    {": OOM", "raise the server's maxmemory, or remove other data"},
    {": NOREPLICAS", "bring the replicas back, or lower the server's min-replicas-to-write"},
    {": READONLY", "use the URL of the primary"},
    {": MASTERDOWN", "use the URL of the primary: this is a replica that lost its primary"},
    {": LOADING", "wait until the server has loaded its data"},
    {": BUSY ", "wait for the script that blocks the server, or run redis-cli SCRIPT KILL"},
    {": CLUSTERDOWN", "repair the Cluster: run redis-cli --cluster check"},
    {": CROSSSLOT", "connect to the server directly, not through a proxy for a Cluster"},
    {"max number of clients", "raise the server's maxclients, or close clients (redis-cli CLIENT LIST)"},
    {": DENIED", "set a password on the server, or turn its protected mode off"},
    {": NOSCRIPT", "connect to one server, not to a proxy for several: this one forgets scripts"},
    {"nknown command", "enable the command on the server (see rename-command), or use Redis 6.2 or later"},
    {"nknown Redis command", "enable the command on the server (see rename-command), or use Redis 6.2 or later"},
    {"'select' command", "allow this user the command SELECT"},
    {": NOPERM", "allow this user the command or key named here; README lists all it needs"},
    {"executing the script", "allow this user the command or key named here; README lists all it needs"},
    {"ACL failure", "allow this user the command or key named here; README lists all it needs"},
    {"does not speak TLS", "use the TLS port of the server, or a URL with redis://"},
    {"not the Redis protocol", "use the port of Redis or Valkey: this is another service, or TLS (write rediss://)"},
    {"Connection reset by peer", "if this is a TLS port, write rediss:// in the URL"},
    {"closed the connection", "if this is a TLS port, write rediss:// in the URL"},
    {"cannot resolve the host", "correct the host in the URL, or add it to DNS or /etc/hosts"},
    {"Permission denied", "let this user connect to the socket: set unixsocketperm 770 and add the user to its group"},
    {"no answer", "check whether the server hangs or a firewall is in between, or raise --redis-timeout"},
    {"Connection refused", "start the server, or name another with --url, CONDOLOCK_URL or the config file"},
    {"No such file or directory", "start the server, or name another with --url, CONDOLOCK_URL or the config file"},
}};

}  // namespace

std::string advice_for(const Failure& failure) {
  const auto* found = std::find_if(remedies.begin(), remedies.end(),
                                   [&](const Remedy& entry) { return failure.text.find(entry.part) != std::string::npos; });
  if (found != remedies.end()) return std::string(found->advice);
  switch (failure.fault) {
    case Fault::denied:
      return "give the right user and password: user and password-file in /etc/condolock/config.toml, or --user and "
             "--password-file";
    case Fault::misconfigured:
      return "use an existing database number in the URL";
    case Fault::local:
      return "raise this machine's limit (ulimit -n), or its memory";
    case Fault::malformed:
      return "look at that key; remove it with redis-cli DEL if it is not needed";
    case Fault::unreachable:
    case Fault::not_ready:
    case Fault::not_primary:
    case Fault::write_refused:
    case Fault::unexpected:
      break;
  }
  return "read the server's log, and check that it is Redis 6.2 or Valkey 7.2, or later";
}

}  // namespace condolock::engine::redis
