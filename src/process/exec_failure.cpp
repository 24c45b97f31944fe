#include "process/exec_failure.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "util/escape.hpp"
#include "util/fd.hpp"

namespace condolock::process {
namespace {

constexpr std::size_t max_quoted = 100;

bool is_path(std::string_view name) { return name.find('/') != std::string_view::npos; }

bool is_directory(const std::string& file) {
  struct stat info {};
  return stat(file.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Words of the shell that are not programs on most systems. Only bash knows those of the second list.
bool is_part_of_sh(std::string_view word) {
  static constexpr std::array<std::string_view, 34> words{
      "!",     ".",      ":",     "alias", "bg",      "break",  "case",  "cd",    "command", "continue", "eval",   "exec",
      "exit",  "export", "fg",    "for",   "getopts", "hash",   "if",    "jobs",  "read",    "readonly", "return", "set",
      "shift", "time",   "times", "trap",  "type",    "ulimit", "umask", "unset", "wait",    "while"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_part_of_bash(std::string_view word) {
  static constexpr std::array<std::string_view, 10> words{"[[",    "builtin", "declare", "function", "let",
                                                          "local", "popd",    "pushd",   "shopt",    "source"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

// NAME=value, as a shell sets a variable for one command.
bool is_assignment(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  return name.size() < word.size() && !name.empty() && name.find_first_not_of(allowed) == std::string_view::npos &&
         (name[0] < '0' || name[0] > '9');
}

std::string env_line(const std::vector<std::string>& argv) {
  std::string out = "env " + util::shell_quoted(argv[0]);
  if (argv.size() == 1) return out + " CMD";
  return out + " " + util::shell_quoted(argv[1]) + (argv.size() > 2 ? " ..." : "");
}

// What to write instead of a command that was not found; empty: no hint.
std::string hint(const std::vector<std::string>& argv) {
  const std::string& word = argv[0];
  if (word.ends_with('\r')) return " (the word ends in a carriage return: convert the calling script to LF line ends)";
  if (is_assignment(word)) return " (to set a variable write: " + env_line(argv) + ")";
  if (is_part_of_sh(word)) return ": it is part of the shell (write: sh -c '" + word + " ...')";
  if (is_part_of_bash(word)) return ": it is part of bash (write: bash -c '" + word + " ...')";
  if (word.starts_with('~') || word.find_first_of(" \t\n;|&<>$`()*?[]{}'\"\\#") != std::string::npos) {
    return " (for a shell line write: sh -c " + (word.size() > max_quoted ? "'...'" : util::shell_quoted(word)) +
           (argv.size() > 1 ? ", with the whole line in the quotes)" : ")");
  }
  if (word.starts_with('-')) return " (options of condolock come before --)";
  return "";
}

// The interpreter that a script's first line names; empty if the file is not such a script.
std::string interpreter_of(const std::string& file) {
  const util::Fd script(open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));  // a FIFO must not block
  std::array<char, 256> buffer{};                                                // the kernel reads no more than this
  const ssize_t got = script ? read(script.get(), buffer.data(), buffer.size()) : 0;
  std::string_view line(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  line = line.substr(0, line.find('\n'));
  if (!line.starts_with("#!")) return "";
  line.remove_prefix(std::min(line.find_first_not_of(" \t", 2), line.size()));
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

std::string about_interpreter(int error, const std::string& file, const std::string& interpreter) {
  const std::string name = "'" + util::escape(interpreter) + "'";
  if (interpreter.ends_with('\r')) {
    return "the script has CRLF line ends, so its interpreter would be " + name + " (write: sed -i 's/\\r$//' " +
           util::shell_quoted(file) + ")";
  }
  if (access(interpreter.c_str(), F_OK) != 0) return "its interpreter " + name + " is missing";
  return "its interpreter " + name + " can't be executed: " + std::strerror(error);
}

bool is_mounted_noexec(const std::string& file) {
  struct statvfs info {};
  return statvfs(file.c_str(), &info) == 0 && (info.f_flag & ST_NOEXEC) != 0;
}

bool has_no_execute_bit(const std::string& file) {
  struct stat info {};
  return stat(file.c_str(), &info) == 0 && (info.st_mode & 0111U) == 0;
}

std::string about_file(int error, const std::string& file) {
  if (error == ENOENT) {
    const std::string interpreter = interpreter_of(file);
    if (!interpreter.empty()) return about_interpreter(error, file, interpreter);
    return "the loader that this program needs is missing (was it built for another system?)";
  }
  if (error == EACCES) {
    if (is_directory(file)) return "it is a directory";
    if (has_no_execute_bit(file)) return "it is not executable (write: chmod +x " + util::shell_quoted(file) + ")";
    if (is_mounted_noexec(file)) return "its file system is mounted with noexec";
    const std::string interpreter = interpreter_of(file);
    if (access(file.c_str(), X_OK) == 0 && !interpreter.empty()) return about_interpreter(error, file, interpreter);
  }
  return std::strerror(error);
}

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  if (is_path(name)) return access(name.c_str(), F_OK) == 0 ? std::optional(name) : std::nullopt;
  if (name == "." || name == "..") return std::nullopt;  // every directory contains these two
  const char* path = getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
  std::optional<std::string> first;
  for (;;) {
    const std::size_t end = rest.find(':');
    const std::string directory(rest.substr(0, end));
    std::string file = (directory.empty() ? "." : directory) + "/" + name;
    if (access(file.c_str(), X_OK) == 0 && !is_directory(file)) return file;
    if (!first && access(file.c_str(), F_OK) == 0) first = std::move(file);
    if (end == std::string_view::npos) return first;
    rest.remove_prefix(end + 1);
  }
}

std::string explain_exec_failure(int error, const std::optional<std::string>& file, const std::vector<std::string>& argv) {
  if (!file) return (is_path(argv[0]) ? std::strerror(error) : "not found in PATH") + hint(argv);
  const std::string where = is_path(argv[0]) ? "" : "found as " + util::escape(*file) + ", but ";
  return where + about_file(error, *file);
}

}  // namespace condolock::process
