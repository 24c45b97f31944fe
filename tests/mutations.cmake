# Mutations of the process half, one at a time: -DCONDOLOCK_MUTATION=NAME builds the program with one. `./dev mutations`
# shows that the tests detect each of them. Those of the protocol are in tests/sim/mutations.cpp, since the simulation needs
# no build for them.
#
# mutation(NAME "the rule that is removed" FILE [==[text that is in the file exactly once]==] [==[its replacement]==])
set(mutations "")

macro(mutation name rule file from to)
  list(APPEND mutations ${name})
  check_text(${name} ${file} "${from}")
  if("${CONDOLOCK_MUTATION}" STREQUAL "${name}")
    plant(${file} "${from}" "${to}")
  endif()
endmacro()

# In every build with tests, or a change of the source would go unnoticed until somebody plants the mutation.
function(check_text name file from)
  file(READ ${PROJECT_SOURCE_DIR}/${file} text)
  string(FIND "${text}" "${from}" first)
  string(FIND "${text}" "${from}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "the mutation ${name}: its text must be in ${file} once: ${from}")
  endif()
endfunction()

function(plant file from to)
  file(READ ${PROJECT_SOURCE_DIR}/${file} text)
  string(REPLACE "${from}" "${to}" text "${text}")
  set(planted ${CMAKE_CURRENT_BINARY_DIR}/planted/${file})
  file(WRITE ${planted} "${text}")
  foreach(target condolock_core condolock_cli)
    get_target_property(sources ${target} SOURCES)
    if(file IN_LIST sources)
      list(TRANSFORM sources REPLACE "^${file}$" ${planted})
      set_target_properties(${target} PROPERTIES SOURCES "${sources}")
    endif()
  endforeach()
  get_source_file_property(options ${file} COMPILE_OPTIONS)
  if(options)
    set_source_files_properties(${planted} PROPERTIES COMPILE_OPTIONS "${options}" SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()

mutation(no-keeper "the keeper ends the run when condolock does not"
  src/process/keeper_process.cpp
  [==[    if (!shared_.over) end_where_due(orphaned, boot_time());
]==] "")
mutation(no-death-notice "the keeper learns at once that condolock has died"
  src/process/keeper_process.cpp
  [==[    has_death_signal_ = system_call(SYS_prctl, PR_SET_PDEATHSIG, SIGCHLD) == 0;
]==] [==[    has_death_signal_ = true;
]==])
mutation(no-death-signal "the command dies when condolock and the keeper are killed at once"
  src/process/keeper_process.cpp
  [==[  system_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
]==] "")
mutation(no-tree-walk "a signal goes to all descendants of the command"
  src/process/tree.cpp
  [==[  if (each.parent == tree.root) return is_session_of(tree, noted, each.session);
  const Entry* parent = table.find(each.parent);
  return parent != nullptr && parent->member;
]==] [==[  return false;
]==])
mutation(no-sessions "an orphan in a session of the run belongs to the run"
  src/process/tree.cpp
  [==[    noted.count = count + 1;
]==] "")
mutation(no-kill "who does not act on TERM is killed"
  src/process/tree.cpp
  [==[  constexpr int rounds = 20;]==] [==[  if (signal == SIGKILL) return true;
  constexpr int rounds = 20;]==])
mutation(no-adoption "orphans of the run come to the keeper"
  src/process/keeper_process.cpp
  [==[tree_.adopts = system_call(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1) == 0;]==] [==[tree_.adopts = true;]==])
mutation(no-wait-for-rest "a run is over when nothing of it lives, not when its command has ended"
  src/process/warden.cpp
  [==[  if (!shared_.over) look_for_rest();
]==] [==[  shared_.over = true;
]==])
mutation(one-look "a run is over only after a look that found nothing and reaped nothing"
  src/process/tree.cpp
  [==[    if (rest != Rest::none || !reaped) return rest;
]==] [==[    return rest;
]==])
mutation(deadline-not-moved "a renewal moves the keeper's deadlines"
  src/process/keeper.cpp
  [==[  set(*state_->shared, deadlines);
  if (sooner]==] [==[  if (sooner]==])
mutation(no-stop-notice "condolock ends the run when its keeper is stopped"
  src/process/keeper.cpp
  [==[WEXITED | WSTOPPED | WNOHANG]==] [==[WEXITED | WNOHANG]==])
mutation(no-keeper-notice "condolock ends the run when its keeper has gone"
  src/run/run_after_start.cpp
  [==[  end_all(now + plan_.kill_after);
  notify(report::KeeperGone{});
]==] [==[  notify(report::KeeperGone{});
]==])
mutation(no-stop-when-lost "condolock stops a run that has lost its lease"
  src/run/run_after_start.cpp
  [==[    return stop(why, now + lease_.grace(plan_.kill_after), lock::revoked_by(reply));
]==] [==[    return;
]==])

list(JOIN mutations " " names)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/mutations "${names}\n")
if(CONDOLOCK_MUTATION AND NOT CONDOLOCK_MUTATION IN_LIST mutations)
  message(FATAL_ERROR "CONDOLOCK_MUTATION: there is no '${CONDOLOCK_MUTATION}'. The mutations are: ${names}")
endif()
