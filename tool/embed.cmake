# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: The Wayleave authors
#
# Writes OUT: the FILES as byte arrays and the table that realm/realm_assets.c serves from.
# Needs nothing but CMake, so that the C program builds without npm.

set(body "/* Made by tool/embed.cmake. */\n#include \"realm/realm_assets.h\"\n\n")
set(rows "")
set(count 0)
foreach(file ${FILES})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
    file(SIZE ${file} size)
    file(SHA256 ${file} sum)
    string(SUBSTRING ${sum} 0 32 tag)
    file(RELATIVE_PATH path ${ROOT} ${file})
    string(APPEND body "static const unsigned char asset_${count}[] = {\n${bytes}0};\n")
    string(APPEND rows "    {\"${path}\", {asset_${count}, ${size}}, \"${tag}\"},\n")
    math(EXPR count "${count} + 1")
endforeach()
string(APPEND body "\nconst struct realm_asset realm_assets_data[] = {\n${rows}    {0, {0, 0}, 0},\n};\n")
file(WRITE ${OUT} "${body}")
