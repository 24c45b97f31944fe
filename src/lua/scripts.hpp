// The protocol's verbs, as Lua scripts that an engine runs atomically. embed.cmake generates the definitions. Each script
// is record.lua, load.lua, change.lua and the verb's own file, joined. The head of that file documents KEYS, ARGV and reply.
#pragma once

#include <array>
#include <string_view>

namespace condolock::scripts {

struct Script {
  std::string_view name;
  std::string_view source;
  std::string_view sha1;  // of the source, for EVALSHA: 40 lower-case hex digits
};

extern const Script acquire;
extern const Script renew;
extern const Script finish;
extern const Script abandon;
extern const Script touch;
extern const Script status;
extern const Script pause;
extern const Script resume;
extern const Script unlock;
extern const Script reset;
extern const Script list;
extern const Script history;

inline constexpr std::array<const Script*, 12> all{&acquire, &renew,  &finish, &abandon, &touch, &status,
                                                   &pause,   &resume, &unlock, &reset,   &list,  &history};
}  // namespace condolock::scripts
