#!/bin/sh
# A component in the folder COMPONENT_FOLDER: `live` serves, `kept/HEX` are its revisions, `keys` and `fence` remember.
# COMPONENT_GUARANTEE says what it checks. docs/adapters/command.md explains every line of the protocol.
set -eu
cd "$COMPONENT_FOLDER"

end() {
  printf '{"reason":"%s"}\n' "$2"
  exit "$1"
}
hash_of() { sha256sum <"$1" | cut -d ' ' -f 1; }
version() { printf '%s-%.12s' "$(cat count)" "$(hash_of live)"; }
intact() { [ -f "kept/${1#sha256:}" ] && [ "sha256:$(hash_of "kept/${1#sha256:}")" = "$1" ]; }

case $ROLLBOOK_OPERATION in
read) printf '{"digest":"sha256:%s","version":"%s"}\n' "$(hash_of live)" "$(version)" ;;
holds) if intact "$ROLLBOOK_DIGEST"; then echo '{"intact":true}'; else echo '{"intact":false}'; fi ;;
identify) echo '{"identity":"folder-1"}' ;;
seen)
  if [ "sha256:$(hash_of live)" = "$ROLLBOOK_DIGEST" ]; then echo '{"seen":true}'; else echo '{"seen":false}'; fi
  ;;
concerns) echo '{"concerns":[{"level":"warning","text":"revisions are deleted after 90 days"}]}' ;;
resolve)
  [ "$ROLLBOOK_REFERENCE" = second ] || end 12 "no such revision"
  printf '{"digest":"%s","label":"the second"}\n' "$COMPONENT_SECOND"
  ;;
apply)
  exec 9>lock
  flock 9
  answer="\"digest\":\"$ROLLBOOK_DESIRED\""
  key=$(printf %s "$ROLLBOOK_KEY" | sha256sum | cut -d ' ' -f 1)
  if [ "$COMPONENT_GUARANTEE" = cas ]; then
    [ "$ROLLBOOK_FENCE" -ge "$(cat fence)" ] || end 11 "a newer fence has written"
  fi
  if [ "$COMPONENT_GUARANTEE" != blind ] && [ -e "keys/$key" ]; then
    echo "{$answer,\"already\":true}"
    exit 0
  fi
  if [ "$COMPONENT_GUARANTEE" = cas ]; then
    [ "$ROLLBOOK_BEFORE_VERSION" = "$(version)" ] || end 10 "the version has moved"
  fi
  intact "$ROLLBOOK_DESIRED" || end 12 "this revision is not kept"
  cp "kept/${ROLLBOOK_DESIRED#sha256:}" next
  mv next live
  echo $(($(cat count) + 1)) >count
  echo "$ROLLBOOK_FENCE" >fence
  : >"keys/$key"
  echo "{$answer}"
  ;;
esac
