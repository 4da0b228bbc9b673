#!/usr/bin/env bash
# Podman 4.3.1 (Debian 12): an image layout is pulled under the name of its folder, or not at all.
#
# Expected: an OCI layout says what its images are called (org.opencontainers.image.ref.name), and oci:FOLDER:NAME
# chooses one of them. What the folder is called is a matter of the file system.
# Happens: the path is made into a name: team/app:1 of the folder "app" becomes localhost/app:latest. A path that
# cannot be a name is refused: one with a capital, with an underscore at the end of a part, or with "./" before it,
# and so most of what mktemp -d gives. Skopeo reads the same folders; an archive of one keeps the name.
# (containers/common#1630 of 2023 mends it for later versions.)
# Matters to: pipelines that hand an image on as a layout instead of by a registry: the tag is lost, and whether
# the image can be pulled at all is up to the folder.
# The guess before: NAME names the image, and with one the name of the folder does not matter.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
debian_package podman 4.3.1
debian_package skopeo 1.9.3
[[ $(id -u) == 0 ]] || cannot "this is about Podman as root"
cd "$work"
python3 - <<'PY'
import hashlib
import io
import json
import pathlib
import tarfile

layout = pathlib.Path("app")
(layout / "blobs/sha256").mkdir(parents=True)


def blob(kind: str, content: bytes) -> dict:
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(content)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}


tarfile.open(fileobj=(content := io.BytesIO()), mode="w").close()
layer = blob("layer.v1.tar", content.getvalue())
image = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}
config = blob("config.v1+json", json.dumps(image).encode())
manifest = {"schemaVersion": 2, "config": config, "layers": [layer]}
entry = blob("manifest.v1+json", json.dumps(manifest).encode())
entry["annotations"] = {"org.opencontainers.image.ref.name": "team/app:1"}
(layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
(layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
PY
cp -r app App
cp -r app app_
tar -C App -cf App_.tar .
store=(podman --root "$work/store" --runroot "$work/run" --tmpdir "$work/tmp" --storage-driver vfs)
"${store[@]}" info >"$work/info.log" 2>&1 || cannot "Podman does not work here: $(tail -n 1 "$work/info.log")"
for source in oci:app:team/app:1 oci:./app:team/app:1 oci:App:team/app:1 oci:app_:team/app:1 oci-archive:App_.tar; do
    skopeo inspect --raw "$source" >"$work/manifest.json"
    if "${store[@]}" pull --quiet "$source" >/dev/null 2>"$work/error.log"; then
        echo "$source is $("${store[@]}" images --format '{{.Repository}}:{{.Tag}}')"
    else
        echo "$source is refused: $(grep -o 'invalid reference format.*' "$work/error.log")"
    fi
    "${store[@]}" rmi --all --force >"$work/removed.log"
done | described 'oci:app:team/app:1 is localhost/app:latest
oci:./app:team/app:1 is refused: invalid reference format
oci:App:team/app:1 is refused: invalid reference format: repository name must be lowercase
oci:app_:team/app:1 is refused: invalid reference format
oci-archive:App_.tar is localhost/team/app:1'
