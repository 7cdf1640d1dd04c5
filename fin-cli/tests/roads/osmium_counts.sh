#!/bin/sh
# Counts roads and their tags with osmium-tool, independently of fin.
#
#   osmium_counts.sh EXTRACT.osm.pbf... > osmium_counts.csv
#
# Roads are ways with one of the highway values below and at least two points. Lines: file,tag,ways.
# "(implied)" are motorways, their links, roundabouts and circular junctions without a oneway tag.
set -eu
export LC_ALL=C

roads=w/highway=motorway,motorway_link,trunk,trunk_link,primary,primary_link,secondary,secondary_link
roads=$roads,tertiary,tertiary_link,unclassified,residential,living_street,service,road

echo "file,tag,ways"
for extract in "$@"; do
    osmium tags-filter --no-progress --omit-referenced --output-format opl --output - "$extract" "$roads" |
        awk -v file="$(basename "$extract")" '
            {
                split("", tag)
                points = 0
                for (i = 2; i <= NF; i++) {
                    kind = substr($i, 1, 1)
                    if (kind == "T") {
                        n = split(substr($i, 2), pairs, ",")
                        for (j = 1; j <= n; j++) {
                            at = index(pairs[j], "=")
                            tag[substr(pairs[j], 1, at - 1)] = substr(pairs[j], at + 1)
                        }
                    } else if (kind == "N" && length($i) > 1) {
                        points = split(substr($i, 2), refs, ",")
                    }
                }
                if (points < 2) { count["(fewer than 2 points)"]++; next }
                count["(all)"]++
                for (key in tag) if (key ~ /^(highway|oneway|tunnel|layer)$/) count[key "=" tag[key]]++
                for (key in tag) if (key ~ /^(name|ref)$/) count[key]++
                implied = !("oneway" in tag) &&
                    (tag["highway"] ~ /^motorway(_link)?$/ || tag["junction"] ~ /^(roundabout|circular)$/)
                if (implied) count["(implied one-way)"]++
                if (tag["tunnel"] == "yes" && (implied || tag["oneway"] ~ /^(yes|true|1|-1)$/)) count["(one-way tunnel)"]++
            }
            END { for (key in count) print file "," key "," count[key] }
        ' | sort
done
