// The scripts of completions/, as they were when the program was built (embed.cmake).
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace condolock::cli {

struct CompletionScript {
  std::string_view shell;
  std::string_view text;
};

std::span<const CompletionScript> completion_scripts();

}  // namespace condolock::cli
