/* The version of the program; meson.build and CHANGELOG.md name the same. */
#ifndef QUARTET_COMMAND_VERSION_H
#define QUARTET_COMMAND_VERSION_H

#define QUARTET_VERSION "0.1.0"

#endif
