// The options of one command: declared once, parsed by CLI11, read from the environment, printed by --help.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/args/config.hpp"
#include "cli/output/command_result.hpp"
#include "util/clock.hpp"
#include "util/result.hpp"

namespace condolock::cli {

class Options {
 public:
  // Stores an option's text in the command's struct, or returns what is wrong with it.
  using Set = std::function<std::optional<util::Problem>(std::string_view)>;

  struct Option {
    std::string names;  // as CLI11 writes them: "-u,--url"
    std::string form;   // placeholder of the value; empty: a flag
    std::string help;
    std::string group;
    std::vector<std::string> environment;  // set the option if it is not given; the first variable that is set and not empty
                                           // is used; for a flag: 1, true, yes, on, or 0, false, no, off
    bool repeatable = false;
    Set set;
    std::vector<std::string> texts;  // from the command line
    std::string variable;            // that gave the value; empty: none
    std::string setting;             // of the config file that gave the value, "FILE:LINE: NAME"; empty: none

    std::string long_name() const;
  };

  explicit Options(std::string command) : command_(std::move(command)) {}

  // Puts the options declared after this call into this group of the help text.
  void group(std::string title) { group_ = std::move(title); }
  // Like group(), for the options of every command. A command's help only lists their names; condolock --help explains them.
  void common_group(std::string title);
  // The options declared after this call are accepted, but left out of the help text.
  void hidden_group() { group_.clear(); }
  Option& value(std::string names, std::string form, std::string help, Set set);
  Option& flag(std::string names, std::string help, bool& into);

  // Sets the options that the arguments give. Everything that is neither an option nor its value becomes an operand. A
  // problem is a usage error (64) and names the option.
  std::optional<CommandResult> parse(const std::vector<std::string>& arguments, std::vector<std::string>& operands);

  // Call after parse(). Sets the other options from the environment. A bad value is 78, and the error names the variable.
  std::optional<CommandResult> read_environment();

  // Call after read_environment(). Sets the other options from the config file. Ignores settings for which this command has
  // no option. A bad value is 78.
  std::optional<CommandResult> read_settings(const std::vector<Setting>& settings);

  // Number of arguments before the first operand or unknown option; all of them, if they cannot be parsed. Afterwards
  // was_given() refers to these arguments, until the next call of this or of parse().
  std::size_t before_operand(const std::vector<std::string>& arguments);

  // Whether the command line gave the option, not the environment or the config file.
  bool was_given(std::string_view long_name) const;

  enum class Source : std::uint8_t { none, config, environment, command_line };  // lowest priority first
  Source source(std::string_view long_name) const;
  // How a message refers to the value: "--lease", "CONDOLOCK_LEASE" or
  // "/etc/condolock/config.toml:3: lease".
  std::string named(std::string_view long_name) const;

  // The options by group, for --help.
  std::string help() const;

 private:
  std::string hint() const;
  std::string nearest_to(const std::string& argument) const;
  std::vector<std::string> long_names() const;
  const Option* find(std::string_view long_name) const;
  bool is_flag(std::string_view name) const;

  std::string command_;
  std::string group_ = "Options";
  std::string common_;  // title of the group for the options of every command
  std::deque<Option> options_;
};

// Setters for common types. A text that does not parse, or a value below `min` or above `max`, is a problem.
Options::Set duration_into(Millis& into, Millis min = Millis(0));
Options::Set duration_into(std::optional<Millis>& into, Millis min = Millis(0));
// An exit code, 0 to 255.
Options::Set code_into(int& into);
Options::Set number_into(std::int64_t& into, std::int64_t min, std::int64_t max);
Options::Set text_into(std::string& into);
// The name of a file, which must not be empty: a script may give a variable that is not set.
Options::Set file_into(std::string& into);
Options::Set file_into(std::optional<std::string>& into);

}  // namespace condolock::cli
