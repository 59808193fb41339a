use lib 't/lib';
use WebhookTest 'no_plan';

# What "nginx -t" says to webhook_zone, "webhook lenra", webhook_app and
# webhook_identity.  All that it prints is compared, to the byte: so that each
# error has its file and line, and no token is ever part of one.

use strict;
use warnings;

use File::Path qw(make_path);


my $Root = $ENV{TEST_NGINX_SERVROOT} . '-test';
my $Conf = "$Root/nginx.conf";
my $Log = "$Root/error.log";
my $Nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $Arguments = "-p '$Root/' -e '$Log' -c '$Conf'";

my $App = '8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11';
my $Other = '1d6a2b3c-77aa-4f0e-8b1d-3c5e7f901234';

my $Zone = 'webhook_zone zone=z:32k;';

make_path($Root);


# Runs "nginx -t" with something in http {} and returns what it printed, and
# the number of the line that is marked, or else of the first one, as "LINE".
sub output {
    my ($http) = @_;

    my $text = join("\n",
        (map { "load_module $_;" }
             split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // ''),
        "pid $Root/nginx.pid;", "error_log $Log info;", 'events {', '}',
        'http {', 'access_log off;', (map { "${_}_temp_path $Root/$_;" }
                       qw(client_body proxy fastcgi uwsgi scgi)), '');
    my $line = 1 + $text =~ tr/\n//;

    $line += substr($http, 0, $-[0]) =~ tr/\n// if $http =~ / # here$/m;

    $http =~ s/^server \{/server { listen 127.0.0.1:$ENV{TEST_NGINX_PORT_1};/m;

    open my $file, '>', $Conf or die "$Conf: $!";
    print $file $text, $http, "\n}\n";
    close $file or die "$Conf: $!";

    unlink $Log;

    my $output = qx('$Nginx' -t $Arguments 2>&1);

    # Few of the locations here have a proxy_pass.
    $output =~ s/^nginx: \[warn\] .* has nothing that takes an accepted event.*\n//mg;

    $output =~ s/ in \Q$Conf\E:$line$/ in LINE/mg;

    return ($output, $? >> 8);
}

# Has to be refused with these messages.
sub refused {
    my ($name, $http, @messages) = @_;
    my ($output, $status) = output($http);

    is($output, join('', map { "nginx: [emerg] $_\n" } @messages)
                . "nginx: configuration file $Conf test failed\n", $name);
    is($status, 1, "$name: exit status");

    # nor in the log, on any level
    my $log = do { local (@ARGV, $/) = $Log; <> } // '';

    unlike($log, qr/hush/, "$name: no token in the log");
}

# Is accepted, with these warnings.
sub accepted {
    my ($name, $http, @warnings) = @_;
    my ($output, $status) = output($http);

    $output =~ s/ in \Q$Conf\E:\d+ has no/ in LINE has no/g;

    is($output, join('', map { "nginx: [warn] $_\n" } @warnings)
                . "nginx: the configuration file $Conf syntax is ok\n"
                . "nginx: configuration file $Conf test is successful\n",
       $name);
    is($status, 0, "$name: exit status");
}

# in a location of "webhook lenra"
sub location {
    return "$Zone\nserver {\nlocation /lenra/ {\nwebhook lenra zone=z;\n"
           . join("\n", @_) . " # here\n}\n}";
}

sub arguments { "invalid number of arguments in \"$_[0]\" directive in LINE" }

sub misplaced { "\"$_[0]\" directive is not allowed here in LINE" }


# --- webhook_zone ---------------------------------------------------------

for my $zone (
    'webhook_zone zone=a:32k', 'webhook_zone zone=a:32768',
    'webhook_zone zone=a-b_c.d:1M', "webhook_zone zone=a:1m state=$Root/a.db",
    "webhook_zone state=$Root/a.db zone=a:1m",
    "webhook_zone zone=a:1m state_size=128k state=$Root/a.db",
    "webhook_zone zone=a:1m state=$Root/a.db state_size=131072",
    "webhook_zone zone=a:1m state=$Root/a.db state_size=2g",
    'webhook_zone zone=a:1m state=a.db',
    'webhook_zone zone=a:32k; webhook_zone zone=b:32k')
{
    accepted($zone =~ s/\Q$Root\E//gr, "$zone;");
}

refused('webhook_zone', 'webhook_zone;', arguments('webhook_zone'));
refused('webhook_zone with five arguments', 'webhook_zone a b c d e;',
        arguments('webhook_zone'));
refused('webhook_zone without zone=', "webhook_zone state=$Root/a.db;",
        '"webhook_zone" directive needs "zone=" in LINE');

for my $parameter ('zone=', 'zone=a', 'zone=:', 'zone=:1m', 'zone=a:',
                   'zone=a:x', 'zone=a:1x', 'zone=a:-1', 'zone=a:1.5m',
                   'zone=a:1m:1m', 'zone=a:1mb', 'zone', 'ZONE=a:1m', 'a:1m',
                   'zones=a:1m', 'zone=a:99999999999999999999')
{
    refused("webhook_zone $parameter", "webhook_zone $parameter;",
            "invalid parameter \"$parameter\" in LINE");
}

for my $size (0, 1, 4096, 32767, '31k') {
    refused("a zone of $size", "webhook_zone zone=a:$size;",
            "zone \"zone=a:$size\" is too small in LINE");
}

for my $parameter ('zone=b:1m', 'zone=a:1m', 'foo=bar', 'state', 'state=',
                   'size=1m', 'state_size')
{
    refused("webhook_zone with $parameter beside zone=",
            "webhook_zone zone=a:1m $parameter;",
            "invalid parameter \"$parameter\" in LINE");
}

for my $parameter ('state=b.db', 'state_size=', 'state_size=x',
                   'state_size=1x', 'state_size=-1', 'state_size=1.5g')
{
    refused("webhook_zone with $parameter beside state=",
            "webhook_zone zone=a:1m state=$Root/a.db $parameter;",
            "invalid parameter \"$parameter\" in LINE");
}

for my $size (0, 1, 131071, '127k') {
    refused("a state of $size",
            "webhook_zone zone=a:1m state=$Root/a.db state_size=$size;",
            "\"state_size=$size\" is less than 128k in LINE");
}

refused('state_size= without state=',
        'webhook_zone zone=a:1m state_size=1m;',
        '"webhook_zone" directive has "state_size=" without "state=" in LINE');
refused('state_size= twice', 'webhook_zone zone=a:1m state_size=1m '
                             . 'state_size=2m;',
        'invalid parameter "state_size=2m" in LINE');

refused('a zone twice',
        "webhook_zone zone=a:1m;\nwebhook_zone zone=a:1m; # here",
        'webhook zone "a" is duplicate in LINE');
refused('a zone twice, with another size',
        "webhook_zone zone=a:1m;\nwebhook_zone zone=a:2m; # here",
        'the size 2097152 of shared memory zone "a" conflicts with already '
        . 'declared size 1048576 in LINE');
refused("a zone of another module's name",
        "limit_req_zone \$uri zone=a:1m rate=1r/s;\n"
        . 'webhook_zone zone=a:1m; # here',
        'the shared memory zone "a" is already declared for a different use '
        . 'in LINE');

for my $level ('server {', "server {\nlocation / {") {
    refused("webhook_zone in $level" =~ s/\n/ /r,
            "$level\nwebhook_zone zone=a:1m; # here\n" . '}' x $level =~ tr/{//,
            misplaced('webhook_zone'));
}


# --- webhook lenra --------------------------------------------------------

sub lenra { "server {\nlocation /lenra/ {\n$_[0]; # here\n}\n}" }

accepted('a zone that is defined before',
         "$Zone\n" . lenra('webhook lenra zone=z'));
accepted('a zone that is defined behind',
         lenra('webhook lenra zone=z') . "\n$Zone");
accepted('several locations of a zone, and nested ones',
         "$Zone\nserver {\nlocation /a/ {\nwebhook lenra zone=z;\n"
         . "location /a/b/ { proxy_pass http://127.0.0.1:1; }\n"
         . "location /a/c/ { webhook off; }\n"
         . "location /a/d/ { webhook lenra zone=y; }\n}\n"
         . "location /e/ { webhook lenra zone=z; }\n}\n"
         . 'webhook_zone zone=y:32k;');

refused('no zone=', "$Zone\n" . lenra('webhook lenra'),
        '"webhook lenra" needs "zone=" in LINE');
refused('an unknown zone', "$Zone\n" . lenra('webhook lenra zone=y'),
        'unknown webhook zone "y" in LINE');
refused('an unknown zone, in a nested location',
        "$Zone\nserver {\nlocation /a/ {\nwebhook lenra zone=z;\n"
        . "location /a/b/ {\nwebhook lenra zone=y; # here\n}\n}\n}",
        'unknown webhook zone "y" in LINE');
refused('no zone=, in a nested location',
        "$Zone\nserver {\nlocation /a/ {\nwebhook lenra zone=z;\n"
        . "location /a/b/ {\nwebhook lenra; # here\n}\n}\n}",
        '"webhook lenra" needs "zone=" in LINE');
refused('an unknown zone, where nothing inherits it',
        "server {\nlocation /a/ {\nwebhook lenra zone=y; # here\n"
        . "location /a/b/ {\nwebhook off;\n}\n}\n}",
        'unknown webhook zone "y" in LINE');

for my $parameter ('zone=', 'zone', 'unknown=pass', 'zones=z', 'z') {
    refused("webhook lenra $parameter",
            "$Zone\n" . lenra("webhook lenra $parameter"),
            "invalid parameter \"$parameter\" of \"webhook lenra\" in LINE");
}

refused('zone= twice', "$Zone\n" . lenra('webhook lenra zone=z zone=z'),
        'invalid parameter "zone=z" of "webhook lenra" in LINE');
refused("another module's zone",
        "limit_req_zone \$uri zone=a:1m rate=1r/s;\n"
        . lenra('webhook lenra zone=a'),
        'the shared memory zone "a" is already declared for a different use '
        . 'in LINE',
        'invalid parameter "zone=a" of "webhook lenra" in LINE');
refused('webhook twice', "$Zone\n"
        . lenra("webhook lenra zone=z;\nwebhook lenra zone=z"),
        '"webhook" directive is duplicate in LINE');


# --- webhook_app ----------------------------------------------------------

sub app { location("webhook_app $_[0];") }

for my $app ("$App environment=1 token=t", "$App token=t environment=1",
             uc($App) . ' environment=1 token=t',
             "$App environment=0 token=t user=0",
             "$App environment=-1 token=t user=-1",
             "$App user=9223372036854775807 token=t "
             . 'environment=9223372036854775807',
             "$App user=-9223372036854775808 token=t "
             . 'environment=-9223372036854775808',
             "$App environment=1 token=t token=T token=t2",
             "$App environment=1 \"token=a b\" token=a=b token=token=",
             "$App environment=1 token=t;\nwebhook_app $App environment=1 "
             . 'token=u',
             "$App environment=1 token=t;\nwebhook_app $Other environment=1 "
             . 'token=u')
{
    accepted("webhook_app $app" =~ s/\n/ /gr, app($app));
}

my $Unused = '"webhook_app" in LINE has no effect: no location with "webhook '
             . 'lenra" uses it';

accepted('webhook_app at each level, a token at each of them',
         "$Zone\nwebhook_app $App environment=1 token=t;\nserver {\n"
         . "webhook_app $App environment=2 token=t;\nlocation /lenra/ {\n"
         . "webhook lenra zone=z;\nwebhook_app $App environment=3 token=t;\n"
         . "location /lenra/x/ {\nwebhook_app $Other environment=4 token=t;\n"
         . "}\n}\n}", ($Unused) x 2);
accepted('webhook_app where no webhook is Lenra\'s',
         "webhook_app $App environment=1 token=t;", $Unused);

for my $app ('', $App) {
    refused("webhook_app $app", app($app), arguments('webhook_app'));
}

for my $uuid ('hush', 'environment=1', substr($App, 0, 35), "${App}0",
              "\"{$App}\"", $App =~ s/-//gr, $App =~ s/8/g/r, '""', '$app')
{
    refused("webhook_app of $uuid", app("$uuid environment=1 token=hush"),
            '"webhook_app" directive has an application that is not a UUID '
            . 'in LINE');
}

for my $app ('environment=1 user=1', 'token=hush token=hush2',
             'token=hush user=1')
{
    refused("webhook_app with $app only", app("$App $app"),
            '"webhook_app" directive needs "environment=" and "token=" '
            . 'in LINE');
}

my @Numbers = ('', 'x', '-', '--1', '+1', '1.5', '1e3', '0x10', '1x', '" 1"',
               '9223372036854775808', '-9223372036854775809',
               '123456789012345678901234567890', '$environment');

for my $number (@Numbers) {
    my $quoted = $number =~ s/"//gr;

    refused("environment=$number",
            app("$App \"environment=$quoted\" token=hush"),
            '"webhook_app" directive has an "environment=" that is not one '
            . 'integer in LINE');
    refused("user=$number",
            app("$App environment=1 \"user=$quoted\" token=hush"),
            '"webhook_app" directive has a "user=" that is not one integer '
            . 'in LINE');
}

refused('environment= twice',
        app("$App environment=1 environment=1 token=hush"),
        '"webhook_app" directive has an "environment=" that is not one integer '
        . 'in LINE');
refused('user= twice', app("$App environment=1 user=1 user=1 token=hush"),
        '"webhook_app" directive has a "user=" that is not one integer '
        . 'in LINE');

for my $app ('token=', 'token=hush token=', '"token=" token=hush') {
    refused("webhook_app with $app", app("$App environment=1 $app"),
            '"webhook_app" directive has an empty "token=" in LINE');
}

for my $parameter ('hush', 'tokn=hush', 'TOKEN=hush', 'token:hush', 'app=hush',
                   '""')
{
    refused("webhook_app with $parameter",
            app("$App environment=1 token=hush $parameter"),
            '"webhook_app" directive has an invalid parameter: "environment=", '
            . '"token=", "token_file=" and "user=" are known in LINE');
}

for my $more ("$App environment=1 token=hush", "$App environment=2 token=hush",
              "$App environment=1 token=hush user=1",
              "$Other environment=1 token=hush",
              "$Other environment=1 token=t token=hush")
{
    refused("a token twice: $more" =~ s/hush/it/r,
            app("$App environment=1 token=hush2 token=hush;\n"
                . "webhook_app $more"),
            '"webhook_app" directive has a token that is used already in LINE');
}

refused('a token twice, at once',
        app("$App environment=1 token=hush token=hush"),
        '"webhook_app" directive has a token that is used already in LINE');
refused('a token twice, in http {}',
        "webhook_app $App environment=1 token=hush;\n"
        . "webhook_app $App environment=1 token=hush; # here",
        '"webhook_app" directive has a token that is used already in LINE');

refused('webhook_app outside of http {}',
        "}\nwebhook_app $App environment=1 token=hush; # here\nevents {",
        misplaced('webhook_app'));
refused('webhook_app in if {}',
        location("if (\$uri) {\nwebhook_app $App environment=1 token=hush;")
        . "\n}",
        misplaced('webhook_app'));


# --- webhook_identity -----------------------------------------------------

sub identity { location("webhook_identity $_[0];") }

for my $identity ('app=$uri environment=$args', 'environment=$args app=$uri',
                  'app=$uri environment=$args user=$remote_user',
                  'user=$remote_user app=$uri environment=$args',
                  "app=$App environment=1 user=7",
                  'app=$arg_a-$arg_b environment=x user=x')
{
    accepted("webhook_identity $identity", identity($identity));
}

accepted('webhook_identity in each location',
         "$Zone\nserver {\nlocation /lenra/ {\nwebhook lenra zone=z;\n"
         . "webhook_identity app=\$uri environment=1;\n"
         . "location /lenra/x/ {\nwebhook_identity app=\$uri environment=2;\n"
         . "}\n}\n}");

for my $identity ('', 'app=$uri', 'app=$uri environment=1 user=1 user=1') {
    refused("webhook_identity $identity", identity($identity),
            arguments('webhook_identity'));
}

for my $identity ('app=$uri user=1', 'environment=1 user=1') {
    refused("webhook_identity $identity", identity($identity),
            '"webhook_identity" directive needs "app=" and "environment=" '
            . 'in LINE');
}

for my $parameter ('app=', 'environment=', 'user=', 'foo=bar', '$uri', 'app') {
    refused("webhook_identity with $parameter",
            identity("app=\$uri environment=1 $parameter"),
            "invalid parameter \"$parameter\" in LINE");
}

refused('app= twice', identity('app=$uri app=$args environment=1'),
        'duplicate parameter "app=$args" in LINE');
refused('user= twice', identity('user=1 environment=1 user=2'),
        'duplicate parameter "user=2" in LINE');
refused('webhook_identity twice',
        identity("app=\$uri environment=1;\nwebhook_identity app=\$uri "
                 . 'environment=1'),
        '"webhook_identity" directive is duplicate in LINE');
refused('an invalid variable', identity('app=$ environment=1'),
        'invalid variable name in LINE');

for my $level ('', "server {\n") {
    refused('webhook_identity in ' . ($level || 'http {') =~ s/\n//r,
            "${level}webhook_identity app=\$uri environment=1; # here\n"
            . ($level ? '}' : ''),
            misplaced('webhook_identity'));
}

# nginx tells of unknown variables when it has read all of the configuration
is((output(identity('app=$nobody_knows environment=1')))[0],
   "nginx: [emerg] unknown \"nobody_knows\" variable\n"
   . "nginx: configuration file $Conf test failed\n", 'an unknown variable');

no_shuffle();
run_tests();

__DATA__

=== TEST 1: nginx starts with all of them
--- http_config
    webhook_zone zone=z:32k;
    webhook_app 8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11 environment=1 token=hush;
--- config
    location /lenra/ {
        webhook lenra zone=z;
    }
--- request
GET /lenra/app/webhooks
--- more_headers
Authorization: Bearer hush
--- response_body
[]
--- error_code: 200
--- no_error_log
hush
[error]
[crit]



=== TEST 2: nginx does not start
--- config
    location /lenra/ {
        webhook lenra zone=z;
    }
--- request
GET /t
--- must_die
--- error_log eval
qr/\[emerg\] \d+#\d+: unknown webhook zone "z" in \S+nginx\.conf:\d+$/
