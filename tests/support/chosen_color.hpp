#pragma once

#include "cli/output/console.hpp"

namespace support {

// During its lifetime, --color has this value.
class ChosenColor {
 public:
  explicit ChosenColor(condolock::cli::Color color) { condolock::cli::choose_color(color); }
  ChosenColor(const ChosenColor&) = delete;
  ChosenColor& operator=(const ChosenColor&) = delete;
  ~ChosenColor() { condolock::cli::choose_color(condolock::cli::Color::automatic); }
};

// A palette without colours, wherever the tests run.
inline condolock::cli::Palette no_color() {
  const ChosenColor never(condolock::cli::Color::never);
  return condolock::cli::Palette(-1);
}

inline condolock::cli::Palette all_colors() {
  const ChosenColor always(condolock::cli::Color::always);
  return condolock::cli::Palette(-1);
}

}  // namespace support
