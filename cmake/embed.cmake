# The files that `sluice init` writes as they stand, as bytes in a header. Included by CMakeLists.txt it makes the header;
# run as a script (cmake -P) it writes it: -D OUT=… -D FILES=name=path;…
if(CMAKE_SCRIPT_MODE_FILE)
  set(text "/* Made by cmake/embed.cmake. */\n")
  foreach(pair IN LISTS FILES)
    string(REPLACE "=" ";" pair ${pair})
    list(GET pair 0 name)
    list(GET pair 1 path)
    file(READ ${path} bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," bytes ${bytes})
    string(APPEND text "static const unsigned char ${name}[] = {${bytes}};\n")
  endforeach()
  file(WRITE ${OUT} "${text}")
  return()
endif()

set(seed_files orders_source=${CMAKE_SOURCE_DIR}/examples/seed/orders.source.json
               orders_target=${CMAKE_SOURCE_DIR}/examples/seed/orders.target.json)
set(seed_header ${CMAKE_BINARY_DIR}/generated/seed_files.h)
add_custom_command(
  OUTPUT ${seed_header}
  COMMAND ${CMAKE_COMMAND} -DOUT=${seed_header} "-DFILES=${seed_files}" -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed.cmake ${CMAKE_SOURCE_DIR}/examples/seed/orders.source.json
          ${CMAKE_SOURCE_DIR}/examples/seed/orders.target.json
  VERBATIM)
add_custom_target(seed_header DEPENDS ${seed_header})
