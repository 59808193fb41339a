use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Test::More;

# What nginx -t says to a "webhook_system", to what uses one, and to variables
# of members that no system names.

my $Root = $NginxProcess::Root;
my $nginx = NginxProcess->new(name => 'configuration');

# What is said, without the file and the line if they are those of "# here".
sub say_of {
    my ($http, $level) = @_;

    $level //= 'emerg';
    $nginx->configure(http => $http);

    my (undef, $output) = $nginx->run('-t');
    my $line = 1;

    for (split /\n/, NginxProcess::read_file("$Root/conf/nginx.conf")) {
        last if / # here$/;
        $line++;
    }

    my ($said) = $output =~ /\[$level\] (.*)/;
    $said //= $output =~ /test is successful/ ? 'ok' : $output;
    $said =~ s{ in \S+/conf/nginx\.conf:$line(?=$|:)}{};
    $said =~ s{\S+/conf/nginx\.conf:$line\b}{HERE};

    return $said;
}

# of lines within a block "own"
sub block_of { return "webhook_system own {\n" . join("\n", @_) . "\n}\n" }

# A server with these locations.
sub server_of {
    my $port = NginxProcess::port(0);
    return "server {\n listen 127.0.0.1:$port;\n" . join("\n", @_) . "\n}\n";
}

my $Here = ' # here';


# --- the block --------------------------------------------------------------

is(say_of(block_of()), 'ok', 'a block without lines');

for (['luzmo', 'built in'], ['munity', 'built in'], ['lenra', 'built in'],
     ['signed', 'built in'], ['any', 'built in'], ['off', 'built in'],
     ['endpoints', 'built in'], ['api', 'built in'], ['status', 'built in'])
{
    my ($name, $is) = @$_;
    is(say_of("webhook_system $name {$Here\n}\n"),
       "\"webhook_system $name\" is $is: use another name", "$name is taken");
}

is(say_of(block_of() . "webhook_system own {$Here\n}\n"),
   '"webhook_system own" is duplicate: use another name', 'a name twice');

for my $name ('a.b', '""', 'a/b', '"a b"', "\xc3\xa4", '$a') {
    is(say_of("webhook_system $name {$Here\n}\n"),
       "invalid name \"@{[$name =~ s/\"//gr]}\" of a \"webhook_system\": "
       . 'letters, digits, "-" and "_" are allowed', "no name: $name");
}

is(say_of("webhook_system a-B_9 {\n}\n"), 'ok', 'a name of all kinds');
is(say_of("server {\nwebhook_system own {$Here\n}\n}\n"),
   '"webhook_system" directive is not allowed here', 'in a server');


# --- its lines --------------------------------------------------------------

my $Names = '"methods", "media", "event", "events", "unknown", "id", "field", '
            . '"tenant" and "credential" are allowed';

my @Lines = (
    ["header X;", qq(unknown directive "header" in "webhook_system own": )
                  . $Names],
    ["include x;", qq(unknown directive "include" in "webhook_system own": )
                   . $Names],

    ["methods;", '"methods" of "webhook_system own" has an invalid number of '
                 . 'arguments'],
    (map { ["methods $_;", '"methods" of "webhook_system own" has an unknown '
                           . 'method: "POST", "PUT", "PATCH", "DELETE", '
                           . '"GET", "HEAD" and "OPTIONS" are known'] }
         'post', 'POST,PUT', 'TRACE', 'PUT LOCK', '""'),
    ["methods POST PUT POST;", '"methods" of "webhook_system own" has a '
                               . 'method twice'],

    (map { ["media $_;", '"media" of "webhook_system own" has no media type: '
                         . '"json", "any", "none" and a type without '
                         . 'parameters and without "*", such as '
                         . '"text/plain", are allowed'] }
         'text', 'text/', '/plain', '"text/plain; charset=utf-8"', '*/*',
         'text/*', '""', '"text /plain"'),
    (map { ["media $_;", '"media" of "webhook_system own" has a type twice'] }
         'json json', 'none none', 'text/plain TEXT/plain'),
    (map { ["media $_;", '"media" of "webhook_system own" has "any" beside '
                         . 'another type'] }
         'any json', 'text/plain any', 'any any'),

    ["event;", '"event" of "webhook_system own" has an invalid number of '
               . 'arguments'],
    ["event a b;", '"event" of "webhook_system own" has an invalid number of '
                   . 'arguments'],
    (map { ["event $_;", '"event" of "webhook_system own" is no variable: one '
                         . 'alone is allowed; a "map" can make one of '
                         . 'several'] }
         '$', '"$a b"', '$a$b', '$a.b', '"${a"'),
    ['event $webhook_event;', '"event" of "webhook_system own" is the variable '
                              . 'that it sets itself'],
    ['event $nothing;', 'unknown variable "$nothing" in the "event" of '
                        . '"webhook_system own"'],

    ["events;", '"events" of "webhook_system own" has an invalid number of '
                . 'arguments'],
    ['events a "";', '"events" of "webhook_system own" has an empty name'],
    ["events a b a;", '"events" of "webhook_system own" has a name twice'],
    ["events a \xff;", '"events" of "webhook_system own" has a name that is '
                       . 'not UTF-8'],
    ["events " . join(' ', 1 .. 255) . ";", '"events" of "webhook_system own" '
                                            . 'has more than 254 names'],

    ["unknown;", '"unknown" of "webhook_system own" has an invalid number of '
                 . 'arguments'],
    ["unknown refuse;", '"unknown" of "webhook_system own" has an unknown '
                        . 'parameter: "reject" and "pass" are known'],

    ['id $webhook_id;', '"id" of "webhook_system own" is the variable that it '
                        . 'sets itself'],
    ['id $nothing;', 'unknown variable "$nothing" in the "id" of '
                     . '"webhook_system own"'],
    ['id $a.b;', '"id" of "webhook_system own" is no variable: one alone is '
                 . 'allowed; a "map" can make one of several'],

    ["field a;", '"field" of "webhook_system own" has an invalid number of '
                 . 'arguments'],
    ["field a b c;", '"field" of "webhook_system own" has an invalid number '
                     . 'of arguments'],
    (map { ["field $_ a;", '"field" of "webhook_system own" has an invalid '
                           . 'name: letters, digits and "_" are allowed, as '
                           . 'in a variable'] }
         'a.b', '""', 'a-b', '$a', "\xc3\xa4"),

    ["credential;", '"credential" of "webhook_system own" has an invalid '
                    . 'number of arguments'],
    ["credential off;", '"credential" of "webhook_system own" has an unknown '
                        . 'parameter: "required" and "none" are known'],
);

for (@Lines) {
    my ($line, $said) = @$_;
    is(say_of(block_of('field z z;', $line . $Here, 'tenant t;')), $said,
       length $line > 60 ? substr($line, 0, 60) : $line);
}

for my $line ('methods POST;', 'media json;', 'event a;', 'events a;',
              'unknown pass;', 'id a;', 'tenant a;', 'credential none;')
{
    my ($name) = $line =~ /^(\w+)/;
    is(say_of(block_of('event a;', $line)
              =~ s/^event a;\n(?=event)//mr
              =~ s/\Q$line\E/$line\n$line$Here/r),
       qq("$name" of "webhook_system own" is duplicate), "$name twice");
}

is(say_of(block_of('field a x;', "field A y;$Here")),
   '"field" of "webhook_system own" has a name that is taken',
   'two fields of a name');
is(say_of(block_of('field a x.y;', "field b x.\"y\";$Here")),
   '"field" of "webhook_system own" has a path that another "field" has: one '
   . 'name is enough', 'two fields of a path');
is(say_of(block_of('event a;', 'id a;', 'tenant a;', 'field a a;')), 'ok',
   'one member for all');
is(say_of(block_of('events ' . join(' ', 1 .. 254) . ';', 'event uri;')),
   'ok', '254 names');

# what is known of the block as a whole is said of its last line
is(say_of("webhook_system own {\nevents a;\n}$Here\n"),
   '"webhook_system own" needs an "event" line, which says what names an event',
   'names, but no event');
is(say_of("webhook_system own {\nunknown pass;\n}$Here\n"),
   '"webhook_system own" needs an "event" line, which says what names an event',
   'unknown, but no event');
is(say_of("webhook_system own {\nevent a;\nunknown reject;\n}$Here\n"),
   '"webhook_system own" has "unknown reject", which would refuse all events: '
   . 'it needs an "events" line with the names of those that are known',
   'nothing is known');


# --- paths ------------------------------------------------------------------

my $Character = 'has a name with a character that only a name in quotes may '
                . 'have, such as a blank, a quote or a bracket';
my $Number = 'has no number of an element, from 0 to 9999, in brackets';
my $Both = 'is within a member that is named as a whole, or has one that is '
           . 'named itself: name the one or the other';

my @Paths = (
    ['', '""', 'is empty'],
    ['.', '.', 'has an empty name'],
    ['.a', '.a', 'has an empty name'],
    ['a.', 'a.', 'has an empty name'],
    ['a..b', 'a..b', 'has an empty name'],
    ['a.[0]', 'a.[0]', 'has an empty name'],
    ['a b', '"a b"', $Character],
    ['a"b', '\'a"b\'', $Character],
    ['a]', 'a]', $Character],
    ['a\\b', '\'a\\b\'', $Character],
    ['$a.b', '"$a.b"', 'has a name that begins with "$": variables are not '
                       . 'allowed here, and such a name has to be in quotes'],
    ['a."b', 'a."b', 'has a quote that does not end'],
    ['a."b"c', 'a."b"c', 'has no dot, and no bracket, where a name or an '
                         . 'element ends'],
    ['a."\\x"', 'a."\\\\x"', 'has a backslash that stands before no quote and '
                             . 'no backslash'],
    ['[', '[', 'has a bracket that does not end'],
    ['a[0', 'a[0', 'has a bracket that does not end'],
    (map { ["a$_", "a$_", $Number] }
         '[]', '[x]', '[-1]', '[1.5]', '[01]', '[00]', '[10000]',
         '[99999999999999999999]', '[*]'),
    ['a[0]b', 'a[0]b', 'has no dot, and no bracket, where a name or an '
                       . 'element ends'],
    ["\xff", "\xff", 'has a name that is not UTF-8'],
    ["a.\xed\xa0\x80", "a.\xed\xa0\x80", 'has a name that is not UTF-8'],
    ['x' x 65, 'x' x 65, 'has a name of more than 64 bytes'],
    [join('.', ('a') x 17), join('.', ('a') x 17),
     'is too deep: 16 names and elements are allowed'],
    ['z.a', 'z.a', $Both],
    ['z[0]', 'z[0]', $Both],
    ['y', 'y', $Both],
    ['y.x', 'y.x', $Both],
);

for (@Paths) {
    my ($path, $written, $said) = @$_;

    for my $line ('field p', 'tenant', 'id', 'event') {

        # there these are variables
        next if $path =~ /^\$/ && $line =~ /^(?:id|event)/;

        like(say_of(block_of('field z z;', 'field x y.x[0];',
                             "$line $written;$Here")),
             qr/^the path "\Q$path\E" in "webhook_system own" \Q$said\E/,
             "$line $written");
    }
}

is(say_of(block_of(map { "field f$_->[0] $_->[1];" }
                       [1, 'x' x 64], [2, join('.', ('a') x 16)],
                       [3, 'b[9999][0]'], [4, '""."\\\\""' =~ s/^/'/r . "'"],
                       [5, '[0]'], [6, 'c.d-e:f@g/h'], [7, "\xc3\xa4"],
                       [8, 'd."$x"'])),
   'ok', 'paths of all kinds');


# --- locations --------------------------------------------------------------

my $Own = block_of();

is(say_of($Own . server_of('location / {', "webhook own;$Here",
                           'return 204;', '}')),
   '"webhook own" needs "webhook_secret" or "webhook_signature", or an '
   . 'explicit "webhook_secret off",', 'no credential');
is(say_of(server_of('location / {', "webhook any;$Here", 'return 204;', '}')),
   '"webhook any" needs "webhook_secret" or "webhook_signature", or an '
   . 'explicit "webhook_secret off",', 'no credential with any');
is(say_of(server_of('location / {', "webhook owm;$Here",
                    'webhook_secret off;', '}') . $Own),
   'unknown webhook system "owm"', 'a system that nobody has defined');
is(say_of($Own . server_of('location / {', "webhook own a=b;$Here",
                           'webhook_secret off;', '}')),
   'invalid parameter "a=b" of "webhook own"', 'a parameter');
like(say_of($Own . server_of('location / {', 'webhook own;',
                             "webhook_secret x slug=a;$Here", '}')),
     qr/^"webhook_secret" with "slug=a" .*, whose system has no slugs$/,
     'a slug');
is(say_of(server_of('location / {', 'webhook own;', 'webhook_secret off;',
                    'proxy_pass http://127.0.0.1:1;', '}') . $Own),
   'ok', 'a location before its system');
is(say_of($Own . server_of('location = /own {', "webhook own;$Here",
                           'webhook_secret off;', '}'), 'warn'),
   'location "/own" with "webhook own" in HERE has nothing that takes an accepted '
   . 'event, such as "proxy_pass" or "webhook_queue"', 'nothing takes events');
is(say_of(block_of('event uri;', 'events push;')
          . server_of('location = /own {', "webhook own;$Here",
                      'webhook_secret off;', 'proxy_pass http://127.0.0.1:1;',
                      '}'), 'warn'),
   'location "= /own" with "webhook own" in HERE can answer 400 only: the last '
   . 'segment of the path has to name an event', 'a path without an event');
is(say_of(block_of('event uri;')
          . server_of('location = /own {', 'webhook own;',
                      'webhook_secret off;', 'proxy_pass http://127.0.0.1:1;',
                      '}'), 'warn'),
   'ok', 'a path where any event will do');


# --- variables of members ---------------------------------------------------

my $Log = 'log_format own "$webhook_field_x";';
my $Luzmo = server_of('location / {', 'webhook luzmo;', 'webhook_secret x;',
                      'proxy_pass http://127.0.0.1:1;', '}');
my $Signed = server_of('location / {', 'webhook signed;',
                       'webhook_signature github x;',
                       'proxy_pass http://127.0.0.1:1;', '}');
my $At = server_of('location / {', 'webhook own;', 'webhook_secret x;',
                   'proxy_pass http://127.0.0.1:1;', '}');

my $Unnamed = sub {
    return "the variable \"\$$_[0]\" is always empty: no system names such a "
           . 'member; a "field" line of a "webhook_system" does';
};

my $Unread = sub {
    return "the variable \"\$$_[0]\" is always empty: \"webhook $_[1]\" looks "
           . 'at no member of the payload; describe the sender by a '
           . '"webhook_system", with a line that names the member';
};

is(say_of($Log), $Unnamed->('webhook_field_x'), 'no system at all');
is(say_of($Log . $Luzmo), $Unnamed->('webhook_field_x'), 'luzmo');
is(say_of($Log . block_of('field y x;') . $At), $Unnamed->('webhook_field_x'),
   'a field of another name');
is(say_of($Log . block_of('field x y.z;') . $At), 'ok', 'a field');
is(say_of($Log . $At . block_of('field X y.z;')), 'ok',
   'a field of a system that follows');
is(say_of('map $webhook_field_ $a { default 1; }' . $Luzmo),
   $Unnamed->('webhook_field_'), 'no name');
is(say_of('map $webhook_field_payload $a { default 1; }'),
   $Unnamed->('webhook_field_payload'), 'an object that is looked into');

is(say_of('log_format own "$webhook_field_slug";' . $Luzmo), 'ok',
   'one of luzmo');
is(say_of('log_format own "$webhook_field_slug";' . $Signed),
   $Unread->('webhook_field_slug', 'signed'), 'one of luzmo with signed alone');
is(say_of($Log . block_of('field x x;') . $Signed),
   $Unread->('webhook_field_x', 'signed'), 'a field with signed alone');
is(say_of('log_format own "$webhook_field_slug";' . $Signed
          . $At =~ s/:\d+;/:1;/r . block_of('field x x;')), 'ok',
   'one of luzmo beside other systems with fields');

is(say_of('log_format own "$webhook_tenant";' . $Signed),
   $Unread->('webhook_tenant', 'signed'), 'a tenant with signed alone');
is(say_of('log_format own "$webhook_tenant";' . block_of('tenant a;') . $At),
   'ok', 'a tenant');

for (['$webhook_field_x', 'field x x;', 'field y x;'],
     ['$webhook_event', 'event a;', 'field y x;'],
     ['$webhook_tenant', 'tenant a;', 'field y x;'])
{
    my ($key, $with, $without) = @$_;
    my $dedup = "webhook_dedup_zone zone=seen:32k;\n";
    my $place = server_of('location / {', 'webhook own;', 'webhook_secret x;',
                          "webhook_dedup $key zone=seen;",
                          'proxy_pass http://127.0.0.1:1;', '}');

    is(say_of($dedup . block_of($with) . $place), 'ok', "dedup by $key");
    like(say_of($dedup . block_of($without) . $place),
         qr/^"webhook_dedup" in \S+ has "\Q$key\E", which is always empty with "webhook own"/,
         "dedup by $key, which is empty");
}


done_testing();
