#include "cli/output/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "util/environment.hpp"
#include "util/number.hpp"

namespace condolock::cli {

std::optional<std::size_t> screen_columns(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const auto columns = util::parse_number<std::size_t>(util::from_environment("COLUMNS"));
  return columns && *columns > 0 ? columns : std::nullopt;
}

}  // namespace condolock::cli
