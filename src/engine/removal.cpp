#include "engine/removal.hpp"

#include "util/escape.hpp"

namespace condolock::engine {

std::string how_to_remove(std::string_view stored) {
  constexpr std::size_t max_bytes = 1200;  // longest key that condolock writes; a server may send megabytes
  if (stored.size() > max_bytes) return "";
  const std::size_t kind = stored.find("}:");
  const std::size_t name = kind == std::string_view::npos ? kind : stored.find(':', kind + 2);
  if (kind != std::string_view::npos && stored.substr(kind) == "}:pause") return " (condolock resume --all removes it)";
  if (name == std::string_view::npos) return " (redis-cli DEL " + util::shell_quoted(stored) + " removes it)";
  return " (condolock reset " + util::shell_quoted(stored.substr(name + 1)) + " --yes removes it)";
}

}  // namespace condolock::engine
