#include "engine/redis/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>

#include "util/escape.hpp"
#include "util/number.hpp"

namespace condolock::engine::redis {
namespace {

constexpr std::string_view forms =
    "use redis[s]://host[:port][/db], redis+sentinel://, redis+cluster://, unix:///path or file:[DIR]";

// `why` says what to write instead.
util::Problem refuse(const std::string& why) { return {"the URL " + why}; }

util::Problem refuse_form(const std::string& why) { return refuse(why + "; " + std::string(forms)); }

std::optional<int> hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2])) return std::nullopt;
    out += static_cast<char>(*hex(text[i + 1]) * 16 + *hex(text[i + 2]));
    i += 2;
  }
  return out;
}

// scheme://[credentials@]rest. The credentials end at the last @ before the path, since a password may contain an @.
struct Parts {
  std::string_view scheme;
  std::string_view credentials;
  bool has_credentials = false;
  std::string_view rest;
};

std::optional<Parts> split(std::string_view url) {
  const std::size_t colon = url.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Parts parts{url.substr(0, colon), {}, false, url.substr(colon + 3)};
  const std::size_t at = parts.rest.substr(0, parts.rest.find_first_of("/?#")).rfind('@');
  if (at != std::string_view::npos) {
    parts.credentials = parts.rest.substr(0, at);
    parts.has_credentials = true;
    parts.rest.remove_prefix(at + 1);
  }
  return parts;
}

// A / ? or # in a password ends the part before the path too early. Then an @ follows where none is allowed.
std::optional<util::Problem> password_that_ends_early(std::string_view rest) {
  const std::size_t end = rest.find_first_of("/?#");
  if (end == std::string_view::npos || end == 0 || rest.find('@', end) == std::string_view::npos) return std::nullopt;
  const char sign = rest[end];
  const std::string code = sign == '/' ? "%2F" : (sign == '?' ? "%3F" : "%23");
  return refuse(std::string("has a ") + sign + " before an @ (in a user or password write it as " + code + ")");
}

struct Scheme {
  Topology topology = Topology::single;
  bool encrypted = false;
};

std::optional<Scheme> read_scheme(std::string_view text) {
  Scheme scheme;
  const std::size_t plus = std::min(text.find('+'), text.size());
  const std::string_view server = text.substr(0, plus);
  const std::string_view topology = text.substr(plus);
  scheme.encrypted = server == "rediss" || server == "valkeys";
  if (!scheme.encrypted && server != "redis" && server != "valkey") return std::nullopt;
  if (topology == "+sentinel") {
    scheme.topology = Topology::sentinel;
  } else if (topology == "+cluster") {
    scheme.topology = Topology::cluster;
  } else if (!topology.empty()) {
    return std::nullopt;
  }
  return scheme;
}

std::string why_no_scheme(std::string_view url) {
  const std::string_view scheme = url.substr(0, std::min(url.find(':'), url.size()));
  const bool is_known = scheme.size() < url.size() && (scheme == "unix" || read_scheme(scheme));
  return is_known ? "has no // after its scheme" : "has no known scheme";
}

std::optional<util::Problem> read_credentials(const Parts& parts, Target& target) {
  const std::size_t colon = parts.credentials.find(':');
  const auto user = percent_decoded(parts.credentials.substr(0, colon));
  auto password = std::optional<std::string>("");
  if (colon != std::string_view::npos) password = percent_decoded(parts.credentials.substr(colon + 1));
  if (!user || !password) return refuse("has a % without two hex digits in its user or password (write a plain % as %25)");
  target.user = *user;
  target.password = *password;
  return std::nullopt;
}

std::optional<util::Problem> read_database(std::string_view text, Target& target) {
  const auto database = util::parse_number<int>(text);
  if (!database || *database < 0) return refuse("has an invalid database: use a number from 0 to 2147483647");
  target.database = *database;
  return std::nullopt;
}

std::optional<util::Problem> read_port(std::string_view text, Endpoint& endpoint) {
  const auto number = util::parse_number<std::uint16_t>(text);
  if (!number || *number == 0) return refuse("has an invalid port: use a number from 1 to 65535");
  endpoint.port = *number;
  return std::nullopt;
}

// The zone of an IPv6 address comes after %25 (RFC 6874). After a bare % it is used undecoded, as ping and ssh write it.
std::optional<std::string> decoded_zone(std::string_view host) {
  const std::size_t zone = host.find("%25");
  if (zone == std::string_view::npos || zone + 3 == host.size()) return std::string(host);
  const auto name = percent_decoded(host.substr(zone));
  if (!name) return std::nullopt;
  return std::string(host.substr(0, zone)) + *name;
}

bool is_ipv6(const std::string& host) {
  in6_addr address{};
  const std::size_t zone = host.find('%');
  return inet_pton(AF_INET6, host.substr(0, zone).c_str(), &address) == 1 && zone != host.size() - 1;
}

// [address]:port
std::optional<util::Problem> read_bracketed(std::string_view text, Endpoint& endpoint) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return refuse_form("has a [ without a ]");
  const auto host = decoded_zone(text.substr(1, end - 1));
  if (!host || !is_ipv6(*host)) return refuse_form("has no IPv6 address between [ and ]");
  endpoint.host = *host;
  text.remove_prefix(end + 1);
  if (text.empty()) return std::nullopt;
  if (text[0] != ':') return refuse("has something other than a port after the ] (write [address]:port)");
  return read_port(text.substr(1), endpoint);
}

// An IPv6 address, or one with a port, that has no brackets.
bool is_bare_ipv6(std::string_view text) {
  const auto host = decoded_zone(text);
  return host && (is_ipv6(*host) || is_ipv6(host->substr(0, host->rfind(':'))));
}

std::optional<util::Problem> read_address(std::string_view text, Endpoint& endpoint) {
  if (text.starts_with('[')) return read_bracketed(text, endpoint);
  if (is_bare_ipv6(text)) return refuse("has an IPv6 address without brackets: write it as in redis://[::1]:6379/0");
  const std::size_t colon = text.find(':');
  endpoint.host = text.substr(0, colon);
  if (endpoint.host.empty()) return refuse("names no host (for this machine write 127.0.0.1)");
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view port = text.substr(colon + 1);
  if (port.find(':') != std::string_view::npos)
    return refuse("has more than one : after its host (an IPv6 address needs [ and ])");
  return read_port(port, endpoint);
}

// host[:port],host[:port]
std::optional<util::Problem> read_addresses(std::string_view text, std::uint16_t port, std::vector<Endpoint>& out) {
  for (;;) {
    const std::size_t comma = std::min(text.find(','), text.size());
    Endpoint endpoint;
    endpoint.port = port;
    if (auto problem = read_address(text.substr(0, comma), endpoint)) return problem;
    out.push_back(endpoint);
    if (comma == text.size()) return std::nullopt;
    text.remove_prefix(comma + 1);
  }
}

// What follows the hosts: /db; with Sentinel /primary[/db]; with Cluster nothing.
std::optional<util::Problem> read_tail(std::string_view tail, Target& target) {
  if (!tail.empty()) tail.remove_prefix(1);
  if (target.topology == Topology::sentinel) {
    const std::size_t slash = std::min(tail.find('/'), tail.size());
    const auto name = percent_decoded(tail.substr(0, slash));
    if (!name) return refuse("has a % without two hex digits in the primary's name (write a plain % as %25)");
    if (name->empty()) {
      return refuse(
          "names no primary: write the name that the Sentinels have for it after the hosts, as in "
          "redis+sentinel://host/mymaster");
    }
    target.primary = *name;
    tail.remove_prefix(std::min(slash + 1, tail.size()));
  }
  if (tail.empty()) return std::nullopt;
  if (auto problem = read_database(tail, target)) return problem;
  if (target.topology == Topology::cluster && target.database != 0) {
    return refuse("names a database, but a Cluster has only database 0");
  }
  return std::nullopt;
}

std::optional<util::Problem> read_tcp(std::string_view rest, Target& target) {
  if (auto problem = password_that_ends_early(rest)) return problem;
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const std::string_view hosts = rest.substr(0, end);
  if (target.topology != Topology::single) {
    const std::uint16_t port = target.topology == Topology::sentinel ? 26379 : 6379;
    if (auto problem = read_addresses(hosts, port, target.others)) return problem;
  } else if (hosts.find(',') != std::string_view::npos) {
    return refuse("names several hosts: name one, or write redis+sentinel:// or redis+cluster://");
  } else if (auto problem = read_address(hosts, target)) {
    return problem;
  }
  if (rest.find_first_of("?#") != std::string_view::npos) {
    return refuse("has an unknown ? or # part (write a database as /N)");
  }
  return read_tail(rest.substr(end), target);
}

std::optional<util::Problem> read_unix(std::string_view rest, Target& target) {
  if (auto problem = rest.starts_with('/') ? std::nullopt : password_that_ends_early(rest)) return problem;
  const std::size_t query = rest.find('?');
  const auto path = percent_decoded(rest.substr(0, query));
  if (!path) return refuse("has a % without two hex digits in its path (write a plain % as %25)");
  target.host.clear();
  target.path = *path;
  if (target.path.find('\0') != std::string::npos) return refuse("has a %00 in its path, which no path can have");
  if (!target.path.starts_with('/')) return refuse_form("needs an absolute path to the socket");
  if (target.path.ends_with('/')) return refuse_form("names a directory, not a socket");
  if (target.path.size() > 107) return refuse("has a socket path of more than 107 bytes, the limit of Linux");
  if (query == std::string_view::npos) return std::nullopt;
  const std::string_view option = rest.substr(query + 1);
  if (!option.starts_with("db=")) return refuse_form("has an option other than db=N");
  return read_database(option.substr(3), target);
}

}  // namespace

std::string Endpoint::shown() const {
  if (host.empty()) return path;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string Target::shown() const {
  if (topology == Topology::single) return Endpoint::shown();
  std::string hosts;
  for (const Endpoint& other : others) hosts += (hosts.empty() ? "" : ", ") + other.shown();
  if (topology == Topology::cluster) return "the Cluster at " + hosts;
  return util::escape(primary) + " at the Sentinel" + (others.size() == 1 ? " " : "s ") + hosts;
}

std::optional<Endpoint> read_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Endpoint endpoint;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint.host = host;
  const bool is_plain = std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 127; });
  if (!is_plain || host.size() > 255 || read_port(text.substr(colon + 1), endpoint)) return std::nullopt;
  return endpoint;
}

util::Result<Target> parse_url(std::string_view url) {
  if (url.empty()) return refuse_form("is empty");
  if (url.front() == '"' || url.front() == '\'') return refuse("has quotes around it: remove them");
  for (const char c : url) {
    if (c == ' ') return refuse("has a space in it (in a password or path write it as %20)");
    if (static_cast<unsigned char>(c) < ' ' || c == 127)
      return refuse("has a line end or a control character in it: remove it");
  }
  const auto parts = split(url);
  if (!parts) return refuse_form(why_no_scheme(url));
  Target target;
  std::optional<util::Problem> problem;
  if (parts->has_credentials) problem = read_credentials(*parts, target);
  if (problem) return *problem;
  if (const auto scheme = read_scheme(parts->scheme)) {
    target.topology = scheme->topology;
    if (scheme->encrypted) target.tls.emplace();
    problem = read_tcp(parts->rest, target);
  } else if (parts->scheme == "unix") {
    problem = read_unix(parts->rest, target);
  } else {
    problem = refuse_form("has an unknown scheme");
  }
  if (problem) return *problem;
  return target;
}

std::string without_password(std::string_view url) {
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos || url.substr(start + 3).starts_with('/')) return std::string(url);
  // Remove everything up to the last @, even one in the path: an invalid URL must not leak its password.
  const std::size_t at = url.rfind('@');
  const std::size_t colon = url.find(':', start + 3);
  if (at == std::string_view::npos || colon > at) return std::string(url);
  const bool has_user = colon > start + 3;
  return std::string(url.substr(0, colon)) + std::string(url.substr(has_user ? at : at + 1));
}

}  // namespace condolock::engine::redis
