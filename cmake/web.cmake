# The dashboard: bundled by web/build.mjs into one C file of bytes, library `web`. Included by CMakeLists.txt it makes the
# rules; run as a script (cmake -P, -D WEB=… -D NPM=…) it installs what the bundler needs, once for each package-lock.json:
# a machine without network builds again with what the first build fetched.
if(CMAKE_SCRIPT_MODE_FILE)
  file(SHA256 ${WEB}/package-lock.json wanted)
  set(mark ${WEB}/node_modules/.installed)
  set(have "")
  if(EXISTS ${mark})
    file(READ ${mark} have)
  endif()
  if(NOT have STREQUAL wanted)
    execute_process(COMMAND ${NPM} ci --ignore-scripts --prefer-offline --no-audit --no-fund --loglevel=error
                    WORKING_DIRECTORY ${WEB} RESULT_VARIABLE failed OUTPUT_QUIET)
    if(failed)
      message(FATAL_ERROR "npm ci failed in ${WEB}: the first build of the dashboard needs the network (or -DWITH_WEB=OFF)")
    endif()
    file(WRITE ${mark} ${wanted})
  endif()
  return()
endif()

option(WITH_WEB "bundle the dashboard (needs node and npm)" ON)
set(web_assets ${CMAKE_BINARY_DIR}/generated/web_assets.c)
set(web_source ${CMAKE_SOURCE_DIR}/web)
if(WITH_WEB)
  find_program(NODE node)
  find_program(NPM npm)
  if(NOT NODE OR NOT NPM)
    message(FATAL_ERROR "node and npm are missing: run tools/setup, or build without the dashboard (-DWITH_WEB=OFF)")
  endif()
  file(GLOB_RECURSE web_files CONFIGURE_DEPENDS ${web_source}/src/*)
  add_custom_command(
    OUTPUT ${web_assets}
    COMMAND ${CMAKE_COMMAND} -DWEB=${web_source} -DNPM=${NPM} -P ${CMAKE_SOURCE_DIR}/cmake/web.cmake
    COMMAND ${NODE} ${web_source}/build.mjs --out ${CMAKE_BINARY_DIR}/web --c ${web_assets}
    DEPENDS ${CMAKE_SOURCE_DIR}/cmake/web.cmake ${web_source}/build.mjs ${web_source}/package.json
            ${web_source}/package-lock.json ${web_source}/tsconfig.json ${web_files}
    COMMENT "Bundling the dashboard"
    VERBATIM)
else()
  set(nothing "/* Made by cmake/web.cmake: built without the dashboard. */\n#include \"server/asset.h\"\n\n\
const struct asset web_assets[] = {{0}};\nconst size_t n_web_assets = 0;\n")
  file(CONFIGURE OUTPUT ${web_assets} CONTENT "${nothing}" @ONLY)
endif()
add_library(web STATIC ${web_assets})
