// Runs the protocol's scripts as Redis does: in Lua 5.1, with redis.call, redis.pcall and redis.error_reply on a Store.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/embedded/commands.hpp"
#include "lua/scripts.hpp"

struct lua_State;

namespace condolock::engine::embedded {

class ScriptHost {
 public:
  // Returns a script's chunk, as source or bytecode, which must outlive the host. Called once for each script. The chunk
  // gets the script's name as its argument, so several scripts may share one.
  using Loader = std::function<std::string_view(const scripts::Script&)>;

  // Uses the bytecode of compiled().
  ScriptHost();
  explicit ScriptHost(Loader loader);
  ScriptHost(const ScriptHost&) = delete;
  ScriptHost& operator=(const ScriptHost&) = delete;
  ~ScriptHost();

  // Returns the script's reply as Redis would give it; an error that the script raised is a value. `now_us`: microseconds
  // since 1970. Throws StoreError; the caller begins and ends the transaction.
  Value run(const scripts::Script& script, const std::vector<std::string>& keys, const std::vector<std::string>& args,
            Store& store, std::int64_t now_us);

 private:
  void load(const scripts::Script& script);
  static int call(lua_State* lua);
  static int pcall(lua_State* lua);
  static int error_reply(lua_State* lua);
  static int dispatch(lua_State* lua, bool raises);

  Loader loader_;
  lua_State* lua_;
  // References in Lua's registry: by chunk, and by script.
  std::unordered_map<const char*, int> texts_;
  std::unordered_map<const scripts::Script*, int> loaded_;
  // Set while a script runs.
  Store* store_ = nullptr;
  std::int64_t now_us_ = 0;
  std::exception_ptr broken_;  // from a command; run() throws it again, since C++ exceptions must not cross Lua's frames
};

}  // namespace condolock::engine::embedded
