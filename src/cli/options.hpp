// The options of one command: declared once, parsed by CLI11, looked up in the environment, printed by --help.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/ending.hpp"
#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::cli {

class Options {
 public:
  // Takes an option's text into the command's struct, or says what is wrong with it.
  using Set = std::function<std::optional<Problem>(std::string_view)>;

  struct Option {
    std::string names;  // as CLI11 writes them: "-u,--url"
    std::string form;   // of its value; empty: a flag
    std::string help;
    std::string group;
    std::vector<std::string> environment;  // variables that are read where the option is not given, the first that is set
    bool repeatable = false;
    Set set;
    std::vector<std::string> texts;  // as given

    std::string long_name() const;
  };

  explicit Options(std::string command) : command_(std::move(command)) {}

  // Options that are declared after this belong to that group of the help text.
  void group(std::string title) { group_ = std::move(title); }
  Option& value(std::string names, std::string form, std::string help, Set set);
  void flag(std::string names, std::string help, bool& into);

  // Sets everything from arguments and environment; what is neither an option nor its value becomes an operand. Every
  // problem names the option, or the variable. Nothing below this sees the command line.
  std::optional<Ending> parse(const std::vector<std::string>& arguments, std::vector<std::string>& operands);

  // How many of the arguments come before the first operand, which is how the command is found behind global options.
  static std::size_t before_operand(Options& options, const std::vector<std::string>& arguments);

  // On the command line, that is: not by the environment.
  bool was_given(std::string_view long_name) const;

  // All options by group, with their forms.
  std::string help() const;

 private:
  std::string hint() const;

  std::string command_;
  std::string group_ = "Options";
  std::deque<Option> options_;
};

// Ready-made setters.
Options::Set duration_into(Millis& into, Millis least = Millis(0));
Options::Set duration_into(std::optional<Millis>& into);
// A process' exit code, 0 to 255.
Options::Set code_into(int& into);
Options::Set text_into(std::string& into);

}  // namespace condolock::cli
