-- For the scripts as they are run: record.lua, change.lua and one verb in one file (in together.lua some), so that not all of the
-- opening is used in each.
std = "lua51"
read_globals = { "redis", "KEYS", "ARGV" }
max_line_length = 125
ignore = { "211" }
