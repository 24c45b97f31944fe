// What is said on stderr, in one place and in one form: "condolock: text". Each line is one write, so that the lines of many
// processes on one terminal don't mix.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace condolock::cli {

enum class Color : std::uint8_t { automatic, always, never };

enum class Tint : std::uint8_t { none, good, bad, dim };

// What --color says, for everything that is printed from then on; `automatic` before that.
void choose_color(Color color);

// Colours text for a descriptor, where the user and the terminal want it. NO_COLOR (no-color.org) decides for `automatic`.
class Palette {
 public:
  explicit Palette(int fd);
  std::string paint(Tint tint, std::string_view text) const;

 private:
  bool on_ = false;
};

// Whether a line may wait for whoever reads stderr. One that watches over a lease must not: a full pipe or a terminal
// stopped with Ctrl-S would keep it from renewing, and from stopping its command. Then a line that can't be written at once
// is lost.
enum class Patience : std::uint8_t { waits, never_waits };

class Console {
 public:
  Console(bool quiet, bool verbose, Patience patience = Patience::waits);

  // Always shown.
  void error(std::string_view text) const;
  // Shown unless quiet.
  void warning(std::string_view text) const;
  // One line for each decision: shown on a terminal, with -v and where CI is set; else silent, so that cron sends no mail
  // for the machines that skipped.
  void decision(std::string_view text) const;
  // A question, without the end of its line; always shown.
  void prompt(std::string_view text) const;
  // Shown with -v.
  void detail(std::string_view text) const;

 private:
  void line(Tint tint, std::string_view opening, std::string_view text) const;

  bool quiet_;
  bool verbose_;
  bool prints_decisions_;
  Patience patience_;
  Palette palette_;
};

// All of it, to stdout; false when it can't be written.
bool print(std::string_view text);

}  // namespace condolock::cli
