# The driver exports the IFD handler API and nothing else.
#   cmake -DNM=nm -DMODULE=libifdcardlatch.so -P ifd_exports.cmake
execute_process(COMMAND ${NM} -D --defined-only --format=posix ${MODULE} OUTPUT_VARIABLE out COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" lines "${out}")
set(found)
foreach(line IN LISTS lines)
    string(REGEX REPLACE " .*" "" name "${line}")
    list(APPEND found ${name})
endforeach()
list(SORT found)
set(expected IFDHCloseChannel IFDHControl IFDHCreateChannel IFDHCreateChannelByName IFDHGetCapabilities IFDHICCPresence
    IFDHPowerICC IFDHSetCapabilities IFDHSetProtocolParameters IFDHTransmitToICC)
if(NOT "${found}" STREQUAL "${expected}")
    message(FATAL_ERROR "exported: ${found}\nexpected: ${expected}")
endif()
