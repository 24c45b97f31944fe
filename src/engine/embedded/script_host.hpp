// Runs the protocol's scripts as a Redis would: Lua 5.1, with redis.call, redis.pcall and redis.error_reply over a Store.
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
  // Gives a script to Lua, as source or as bytecode; asked once for each. What it returns must live as long as this. It gets
  // the script's name as its argument, so it may be the same for several.
  using Loader = std::function<std::string_view(const scripts::Script&)>;

  // The scripts as they were built.
  ScriptHost();
  explicit ScriptHost(Loader loader);
  ScriptHost(const ScriptHost&) = delete;
  ScriptHost& operator=(const ScriptHost&) = delete;
  ~ScriptHost();

  // The script's reply, as a server would give it: an error where it raised one. A StoreError goes through.
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
  // In Lua's registry.
  std::unordered_map<const char*, int> texts_;
  std::unordered_map<const scripts::Script*, int> loaded_;
  // Of the script that is running.
  Store* store_ = nullptr;
  std::int64_t now_us_ = 0;
  std::exception_ptr broken_;  // C++ exceptions must not cross Lua's frames
};

}  // namespace condolock::engine::embedded
