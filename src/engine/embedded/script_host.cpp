#include "engine/embedded/script_host.hpp"

#include "engine/embedded/compiled.hpp"

#include <lua.hpp>

#include <exception>
#include <initializer_list>
#include <new>
#include <stdexcept>

namespace condolock::engine::embedded {
namespace {

void push(lua_State* lua, const std::string& text) { lua_pushlstring(lua, text.data(), text.size()); }

std::string text_at(lua_State* lua, int index) {
  std::size_t length = 0;
  const char* text = lua_tolstring(lua, index, &length);
  return text == nullptr ? "" : std::string(text, length);
}

void push_field(lua_State* lua, const char* name, const std::string& text) {
  lua_newtable(lua);
  push(lua, text);
  lua_setfield(lua, -2, name);
}

// Converts as Redis does: nil becomes false; a status and an error become tables.
void push(lua_State* lua, const Value& value) {
  if (lua_checkstack(lua, 4) == 0) throw std::bad_alloc();
  switch (value.kind) {
    case Value::Kind::nil:
      lua_pushboolean(lua, 0);
      break;
    case Value::Kind::integer:
      lua_pushnumber(lua, static_cast<lua_Number>(value.number));
      break;
    case Value::Kind::text:
      push(lua, value.text);
      break;
    case Value::Kind::status:
      push_field(lua, "ok", value.text);
      break;
    case Value::Kind::error:
      push_field(lua, "err", value.text);
      break;
    case Value::Kind::array:
      lua_createtable(lua, static_cast<int>(value.items.size()), 0);
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        push(lua, value.items[i]);
        lua_rawseti(lua, -2, static_cast<int>(i + 1));
      }
      break;
  }
}

// Converts back as Redis does: a table with `err` is an error, one with `ok` a status. An array ends at its first nil.
Value value_at(lua_State* lua, int index) {
  Value value;
  switch (lua_type(lua, index)) {
    case LUA_TSTRING:
      value.kind = Value::Kind::text;
      value.text = text_at(lua, index);
      break;
    case LUA_TNUMBER:
      value.kind = Value::Kind::integer;
      value.number = static_cast<std::int64_t>(lua_tonumber(lua, index));
      break;
    case LUA_TBOOLEAN:
      if (lua_toboolean(lua, index) != 0) value = {Value::Kind::integer, 1, "", {}};
      break;
    case LUA_TTABLE:
      for (const auto& [name, kind] : {std::pair{"err", Value::Kind::error}, std::pair{"ok", Value::Kind::status}}) {
        lua_getfield(lua, index, name);
        const bool found = lua_type(lua, -1) == LUA_TSTRING;
        if (found) value = {kind, 0, text_at(lua, -1), {}};
        lua_pop(lua, 1);
        if (found) return value;
      }
      value.kind = Value::Kind::array;
      for (int i = 1;; ++i) {
        lua_rawgeti(lua, index, i);
        const bool end = lua_isnil(lua, -1);
        if (!end) value.items.push_back(value_at(lua, lua_gettop(lua)));
        lua_pop(lua, 1);
        if (end) break;
      }
      break;
    default:
      break;
  }
  return value;
}

void set_texts(lua_State* lua, const char* name, const std::vector<std::string>& texts) {
  lua_createtable(lua, static_cast<int>(texts.size()), 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    push(lua, texts[i]);
    lua_rawseti(lua, -2, static_cast<int>(i + 1));
  }
  lua_setglobal(lua, name);
}

constexpr int max_garbage = 512;  // KiB

constexpr const char* host_key = "condolock.host";

}  // namespace

ScriptHost::ScriptHost() : ScriptHost([](const scripts::Script& script) { return compiled(script.name); }) {}

ScriptHost::ScriptHost(Loader loader) : loader_(std::move(loader)), lua_(luaL_newstate()) {
  if (lua_ == nullptr) throw std::bad_alloc();
  lua_gc(lua_, LUA_GCSTOP, 0);
  // Without io, os and package: scripts must have no access to files and processes.
  for (const luaL_Reg& library : std::initializer_list<luaL_Reg>{{"", luaopen_base},
                                                                 {LUA_TABLIBNAME, luaopen_table},
                                                                 {LUA_STRLIBNAME, luaopen_string},
                                                                 {LUA_MATHLIBNAME, luaopen_math}}) {
    lua_pushcfunction(lua_, library.func);
    lua_pushstring(lua_, library.name);
    lua_call(lua_, 1, 0);
  }
  lua_pushlightuserdata(lua_, this);
  lua_setfield(lua_, LUA_REGISTRYINDEX, host_key);
  lua_newtable(lua_);
  for (const luaL_Reg& function : std::initializer_list<luaL_Reg>{
           {"call", &ScriptHost::call}, {"pcall", &ScriptHost::pcall}, {"error_reply", &ScriptHost::error_reply}}) {
    lua_pushcfunction(lua_, function.func);
    lua_setfield(lua_, -2, function.name);
  }
  lua_setglobal(lua_, "redis");
}

ScriptHost::~ScriptHost() { lua_close(lua_); }

void ScriptHost::load(const scripts::Script& script) {
  if (const auto found = loaded_.find(&script); found != loaded_.end()) {
    lua_rawgeti(lua_, LUA_REGISTRYINDEX, found->second);
    return;
  }
  const std::string_view bytes = loader_(script);
  auto text = texts_.find(bytes.data());
  if (text == texts_.end()) {
    if (bytes.empty()) throw std::logic_error("there is no script " + std::string(script.name));
    if (luaL_loadbuffer(lua_, bytes.data(), bytes.size(), std::string(script.name).c_str()) != 0) {
      throw std::logic_error("the script " + text_at(lua_, -1));
    }
    text = texts_.emplace(bytes.data(), luaL_ref(lua_, LUA_REGISTRYINDEX)).first;
  }
  loaded_[&script] = text->second;
  lua_rawgeti(lua_, LUA_REGISTRYINDEX, text->second);
}

Value ScriptHost::run(const scripts::Script& script, const std::vector<std::string>& keys,
                      const std::vector<std::string>& args, Store& store, std::int64_t now_us) {
  // Collects garbage only between scripts, and only if there is much: most processes end before that.
  if (lua_gc(lua_, LUA_GCCOUNT, 0) > max_garbage) {
    lua_gc(lua_, LUA_GCCOLLECT, 0);
    lua_gc(lua_, LUA_GCSTOP, 0);  // LUA_GCCOLLECT restarts the collector
  }
  lua_settop(lua_, 0);
  load(script);
  set_texts(lua_, "KEYS", keys);
  set_texts(lua_, "ARGV", args);
  store_ = &store;
  now_us_ = now_us;
  lua_pushlstring(lua_, script.name.data(), script.name.size());
  const int failed = lua_pcall(lua_, 1, 1, 0);
  if (broken_) std::rethrow_exception(std::exchange(broken_, nullptr));
  Value value = value_at(lua_, 1);
  lua_settop(lua_, 0);
  if (failed == 0) return value;
  // redis.call raises a table; every other Lua error is a text.
  if (value.kind != Value::Kind::error) value = {Value::Kind::error, 0, "ERR " + value.text, {}};
  return value;
}

int ScriptHost::dispatch(lua_State* lua, bool raises) {
  lua_getfield(lua, LUA_REGISTRYINDEX, host_key);
  auto* host = static_cast<ScriptHost*>(lua_touserdata(lua, -1));
  lua_pop(lua, 1);
  bool raise = false;
  try {
    std::vector<std::string> words;
    const int count = lua_gettop(lua);
    for (int i = 1; i <= count; ++i) {
      // Redis takes the same types, and converts numbers to text as Lua does.
      if (lua_isstring(lua, i) == 0) throw std::logic_error("redis.call takes texts and numbers");
      lua_pushvalue(lua, i);
      words.push_back(text_at(lua, -1));
      lua_pop(lua, 1);
    }
    const Value value = run_command(*host->store_, host->now_us_, words);
    push(lua, value);
    raise = raises && value.kind == Value::Kind::error;
  } catch (...) {
    host->broken_ = std::current_exception();
    lua_pushliteral(lua, "broken off");
    raise = true;
  }
  return raise ? lua_error(lua) : 1;
}

int ScriptHost::call(lua_State* lua) { return dispatch(lua, true); }

int ScriptHost::pcall(lua_State* lua) { return dispatch(lua, false); }

int ScriptHost::error_reply(lua_State* lua) {
  push_field(lua, "err", text_at(lua, 1));
  return 1;
}

}  // namespace condolock::engine::embedded
