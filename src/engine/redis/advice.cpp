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

// The first that matches counts. A server's own words come first: a failure may hold them and "no answer".
constexpr std::array<Remedy, 26> remedies{{
    {": MISCONF", "make room on the server's disk and see its log; it takes writes again after a BGSAVE that succeeds"},
    {": OOM", "raise the server's maxmemory, or remove what else is there"},
    {": NOREPLICAS", "bring the replicas back, or lower the server's min-replicas-to-write"},
    {": READONLY", "name the primary"},
    {": MASTERDOWN", "name the primary: this is a replica that has lost it"},
    {": LOADING", "wait until the server has loaded its data"},
    {": BUSY ", "wait for the script that blocks the server, or stop it: redis-cli SCRIPT KILL"},
    {": CLUSTERDOWN", "repair the Cluster: redis-cli --cluster check"},
    {": CROSSSLOT", "name a server that is not behind a proxy for a Cluster"},
    {"max number of clients", "raise the server's maxclients, or close clients: redis-cli CLIENT LIST"},
    {": DENIED", "give the server a password, or bind it to this network: it is in protected mode"},
    {": NOSCRIPT", "name a server that keeps the scripts that it is given, not a proxy for several"},
    {"nknown command", "enable the command on the server (rename-command hides it), or use Redis 6.2 or later"},
    {"nknown Redis command", "enable the command on the server (rename-command hides it), or use Redis 6.2 or later"},
    {"'select' command", "allow this user SELECT"},
    {": NOPERM", "allow this user what is named here; README lists all that it needs"},
    {"executing the script", "allow this user what is named here; README lists all that it needs"},
    {"ACL failure", "allow this user what is named here; README lists all that it needs"},
    {"not the Redis protocol", "name the port of a Redis or Valkey without TLS: another service listens here, or TLS"},
    {"Connection reset by peer", "if this is a port for TLS, name the one without: this version has no TLS of its own"},
    {"closed the connection", "if this is a port for TLS, name the one without: this version has no TLS of its own"},
    {"cannot find the host", "correct the name in the URL, or put it into DNS or /etc/hosts"},
    {"Permission denied", "let this user connect to the socket: unixsocketperm 770, and its group"},
    {"no answer",
     "see whether the server hangs or is paused, and whether a firewall is in between; or raise --redis-timeout"},
    {"Connection refused", "start the server, or name another: --url or CONDOLOCK_URL"},
    {"No such file or directory", "start the server, or name another: --url or CONDOLOCK_URL"},
}};

// "MOVED 866 10.0.0.2:7001" -> "10.0.0.2:7001"; empty: no such reply.
std::string moved_to(const std::string& text) {
  const std::size_t at = text.find(": MOVED ");
  const std::size_t space = at == std::string::npos ? at : text.find(' ', at + 8);
  return space == std::string::npos ? "" : text.substr(space + 1);
}

}  // namespace

std::string advice_for(const Failure& failure) {
  if (const std::string server = moved_to(failure.text); !server.empty()) {
    return "name the server of the Cluster that has the namespace: " + server;
  }
  const auto* found = std::find_if(remedies.begin(), remedies.end(),
                                   [&](const Remedy& entry) { return failure.text.find(entry.part) != std::string::npos; });
  if (found != remedies.end()) return std::string(found->advice);
  switch (failure.fault) {
    case Fault::denied:
      return "give the right user and password: user and password-file in /etc/condolock/config.toml, or --user and "
             "--password-file";
    case Fault::misconfigured:
      return "name a database that there is: the number in the URL";
    case Fault::local:
      return "raise this machine's limit: ulimit -n, or its memory";
    case Fault::malformed:
      return "see what that key holds; remove it with redis-cli DEL if it is not needed";
    case Fault::unreachable:
    case Fault::not_ready:
    case Fault::not_primary:
    case Fault::write_refused:
    case Fault::unexpected:
      break;
  }
  return "see the server's log, and whether it is a Redis 6.2 or Valkey 7.2 or later; or name another: --url or "
         "CONDOLOCK_URL";
}

}  // namespace condolock::engine::redis
