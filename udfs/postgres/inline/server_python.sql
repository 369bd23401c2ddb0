-- The Python inside this server, and the versions of packages in it; given and answered as JSON.
-- Whoever runs this is a superuser: the language is not trusted.
SET search_path = pg_catalog;
CREATE EXTENSION IF NOT EXISTS plpython3u;

CREATE OR REPLACE FUNCTION sqlml.server_python(packages text) RETURNS jsonb
LANGUAGE plpython3u AS $$
import json, sys
from importlib import metadata

def version_of(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None

known = plpy.execute("""
  SELECT current_setting('cluster_name') AS cluster, current_setting('server_version_num')::integer / 10000 AS major
""")[0]
# Debian names a cluster after its folder, such as 15/main.
cluster = known["cluster"] if "/" in known["cluster"] else "%d/main" % known["major"]
return json.dumps({
    "python": "%d.%d.%d" % sys.version_info[:3],
    "prefix": sys.prefix,
    "environment": "/etc/postgresql/%s/environment" % cluster,
    "packages": {package: version_of(package) for package in json.loads(packages)},
})
$$;
ALTER FUNCTION sqlml.server_python OWNER TO sqlml_owner;
REVOKE ALL ON FUNCTION sqlml.server_python FROM PUBLIC;

RESET search_path;
