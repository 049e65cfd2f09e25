# vecext: vectors, vector indexes and a context graph for PostgreSQL
#
# Two kinds of targets live here.  The front targets (see "make help") need
# nothing but make and a shell: they install what they need and call the
# scripts under test/.  Everything else is plain PGXS: all, install,
# installcheck, clean.  Both work from a checkout and out of tree
# (make -f SRC/Makefile VPATH=SRC).

VX_SRC := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))

FRONT_TARGETS = help demo check check-long check-asserts check-pg17 \
	check-pg18 check-all bench

ifneq ($(filter $(FRONT_TARGETS),$(MAKECMDGOALS)),)

.PHONY: $(FRONT_TARGETS)

help:
	@$(VX_SRC)/test/run help

demo:
	@KEEP="$(KEEP)" $(VX_SRC)/test/run demo

check check-long check-asserts check-pg17 check-pg18 check-all bench:
	@$(VX_SRC)/test/run $@

else

EXTENSION = vecext
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(VX_SRC)/vecext.control)
MODULE_big = vecext

VX_CFILES := $(sort $(wildcard $(VX_SRC)/src/*.c $(VX_SRC)/src/*/*.c))
OBJS = $(patsubst $(VX_SRC)/%.c,%.o,$(VX_CFILES))

# The install script is its fragments in order.
INSTALL_FRAGMENTS := $(sort $(wildcard $(VX_SRC)/sql/install/*.sql))
DATA_built = vecext--$(EXTVERSION).sql
DATA = $(wildcard $(VX_SRC)/sql/upgrade/vecext--*.sql)
SCRIPTS = $(wildcard $(VX_SRC)/src/client/vecext-*)

PG_CPPFLAGS = -I$(VX_SRC)/src
override CFLAGS += -MMD -MP
ifeq ($(shell uname -s),Linux)
SHLIB_LINK += -Wl,--version-script=$(VX_SRC)/src/vecext.map
endif

# pg_regress inputs are every sql/<area>_<topic>.sql.
REGRESS := $(sort $(basename $(notdir $(wildcard $(VX_SRC)/sql/*.sql))))
REGRESS_OPTS = --inputdir=$(VX_SRC) --outputdir=test/output
TAP_TESTS = 1
PROVE_TESTS ?= $(VX_SRC)/test/tap/*.pl

EXTRA_CLEAN = $(OBJS:.o=.d) test/output tmp_check

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS compiles into the build directory but does not make its folders.
$(OBJS): | vx-object-folders
.PHONY: vx-object-folders
vx-object-folders:
	@mkdir -p $(sort $(dir $(OBJS)))

vecext--$(EXTVERSION).sql: $(INSTALL_FRAGMENTS)
	cat $(INSTALL_FRAGMENTS) > $@

installcheck: | test/output
test/output:
	mkdir -p $@

-include $(OBJS:.o=.d)

endif
