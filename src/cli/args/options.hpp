// The options of one command: declared once, parsed by CLI11, looked up in the environment, printed by --help.
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
  // Takes an option's text into the command's struct, or says what is wrong with it.
  using Set = std::function<std::optional<util::Problem>(std::string_view)>;

  struct Option {
    std::string names;  // as CLI11 writes them: "-u,--url"
    std::string form;   // of its value; empty: a flag
    std::string help;
    std::string group;
    std::vector<std::string> environment;  // variables that are read where the option is not given, the first that is set
                                           // and not empty; a flag's says 1, true, yes, on or the contrary
    bool repeatable = false;
    Set set;
    std::vector<std::string> texts;  // as given
    std::string source_name;         // if not the command line: see named()

    std::string long_name() const;
  };

  explicit Options(std::string command) : command_(std::move(command)) {}

  // Options that are declared after this belong to that group of the help text.
  void group(std::string title) { group_ = std::move(title); }
  // The same for options that every command has: a command's help only names them, that of no command explains them.
  void common_group(std::string title);
  Option& value(std::string names, std::string form, std::string help, Set set);
  Option& flag(std::string names, std::string help, bool& into);

  // Sets what the arguments say; what is neither an option nor its value becomes an operand. Every problem names the option.
  // Nothing below this sees the command line.
  std::optional<CommandResult> parse(const std::vector<std::string>& arguments, std::vector<std::string>& operands);

  // Then what only the environment says. A bad value there is 78 and names the variable.
  std::optional<CommandResult> read_environment();

  // Then what only the config file says; what this command has no option for is passed over. A bad value is 78 too.
  std::optional<CommandResult> read_settings(const std::vector<Setting>& settings);

  // How many of the arguments come before the first operand, or the first option that is not known. Afterwards was_given()
  // tells of these, until the next call of this or of parse().
  std::size_t before_operand(const std::vector<std::string>& arguments);

  // On the command line, that is: not by the environment or the config file.
  bool was_given(std::string_view long_name) const;

  enum class Source : std::uint8_t { none, config, environment, command_line };  // the nearest last
  Source source(std::string_view long_name) const;
  // For a message about its value: "--lease", "the environment's CONDOLOCK_LEASE", "/etc/condolock/config.toml:3: lease".
  std::string named(std::string_view long_name) const;

  // All options by group, with their forms.
  std::string help() const;

 private:
  std::string hint() const;
  const Option* find(std::string_view long_name) const;
  bool is_flag(std::string_view name) const;

  std::string command_;
  std::string group_ = "Options";
  std::string common_;  // the title of that group
  std::deque<Option> options_;
};

// Ready-made setters.
Options::Set duration_into(Millis& into, Millis min = Millis(0));
Options::Set duration_into(std::optional<Millis>& into, Millis min = Millis(0));
// A process' exit code, 0 to 255.
Options::Set code_into(int& into);
Options::Set number_into(std::int64_t& into, std::int64_t min, std::int64_t max);
Options::Set text_into(std::string& into);

}  // namespace condolock::cli
