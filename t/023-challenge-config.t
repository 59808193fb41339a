use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use Test::More;

# What nginx says to "webhook_challenge" when it reads its configuration.

my $Root = $NginxProcess::Root;

my $nginx = NginxProcess->new(name => 'challenge-config');

$nginx->expect(qr/\[emerg\]/);

NginxProcess::write_file("$Root/one", "hush-one\n");
NginxProcess::write_file("$Root/two", "hush-one\nhush-two\n");
NginxProcess::write_file("$Root/none", "\n\r\n");

my $Signed = 'webhook signed; webhook_signature github hush;';
my $Pass = 'proxy_pass http://127.0.0.1:1;';

# What is said to the text of a location, without its file; the line that it is
# about has to be the one that ends with "# here", or the only one.
sub said {
    my ($location, %with) = @_;
    my $http = $with{http} // '';

    $nginx->configure(http => <<"EOF");
    webhook_zone zone=z:64k;
    webhook_status_zone zone=s:64k;
    webhook_queue_path $Root/queue queue=q;
    map \$arg_t \$tenant { default ""; }
    $http
    server {
        location /hook/ {
            $location
        }
    }
EOF

    my (undef, $output) = $nginx->run('-t');
    my @said = $output =~ /\[(?:emerg|warn)\] (?:\d+#\d+: )?(.*)/g;

    @said = grep { !/is not delivered/ } @said;

    my $conf = NginxProcess::read_file("$Root/conf/nginx.conf");
    my $line = 1;

    for (split /\n/, $conf) {
        last if /# here/;
        $line++;
    }

    s{^"webhook_challenge" directive }{} for @said;

    my $marked = $conf =~ /# here/;

    for (@said) {
        next if !s{ in \S+/conf/nginx\.conf:(\d+)}{};
        $_ .= " in line $1" if $marked && $1 != $line;
    }

    unlike($output, qr/hush/, 'no secret is shown');

    return @said ? join "\n", @said : $output =~ /successful/ ? 'ok' : $output;
}

for my $good ('slack', 'meta hush', "meta file=$Root/two", 'meta $tenant',
              'graph', 'dropbox', 'zoom hush', "zoom file=$Root/one",
              'zoom $tenant', 'twitter hush', 'twitter ${tenant}', 'okta',
              'discord', 'cloudevents', 'cloudevents 1', 'cloudevents 120',
              'cloudevents *', 'head')
{
    is(said("$Signed\nwebhook_challenge $good; # here\n$Pass"), 'ok', $good);
}

is(said("$Signed $Pass" . join '', map { "webhook_challenge $_;\n" }
        'slack', 'meta a', 'graph', 'dropbox', 'zoom a', 'twitter a', 'okta',
        'discord', 'cloudevents', 'head'), 'ok', 'all of them');

for my $bad (
    (map { [$_, "unknown webhook challenge \"$_\""] }
     'github', 'Slack', 'slac', 'slack2'),
    ['""', 'unknown webhook challenge ""'],
    (map { ["$_ x", "webhook challenge \"$_\" has no parameter"] }
     'slack', 'graph', 'dropbox', 'okta', 'discord', 'head'),
    ['slack hush', 'webhook challenge "slack" has no parameter'],
    ['meta', 'webhook challenge "meta" needs a verify token'],
    ['zoom', 'webhook challenge "zoom" needs a secret'],
    ['twitter', 'webhook challenge "twitter" needs a secret'],
    ['zoom hush hush', 'invalid number of arguments in "webhook_challenge" '
                       . 'directive'],
    ['slack hush hush', 'invalid number of arguments in "webhook_challenge" '
                        . 'directive'],
    ['meta ""', 'has an empty secret'],
    ['zoom ""', 'has an empty secret'],
    ['zoom file=', 'has an empty "file="'],
    ["zoom file=$Root/none", "\"$Root/none\" has no secret: one a line is "
                             . 'expected'],
    ["meta file=$Root", "\"$Root\" is not a file of secrets: it is no regular "
                        . 'file, or longer than 64k'],
    ["zoom file=$Root/nothing", "open() \"$Root/nothing\" failed (2: No such "
                                . 'file or directory)'],
    (map { ["$_ file=$Root/two", 'has a file with several secrets, but its '
                                 . 'answer is made with one'] }
     'zoom', 'twitter'),
    ['zoom a${hush}b', 'has a secret with "${...}" in it, which is neither a '
                       . 'variable nor a secret: substitute it before nginx '
                       . 'starts, or use a variable alone'],
    ['twitter $HUSH', 'has a variable with a capital letter as a secret, which '
                      . 'is a forgotten substitution: substitute it before '
                      . 'nginx starts, or write the name of nginx\'s variable '
                      . 'in lower case'],
    ['meta $hush', 'the secret is a variable that nobody defines: define it '
                   . 'with a "map", or, if a secret itself begins with "$", '
                   . 'put it into a file and use "file="'],
    ['meta $arg_hush', 'the secret is a variable that nginx or the client '
                       . 'sets: use one that a "map" or another directive '
                       . 'defines, or "file="'],
    (map { ["cloudevents $_", 'has an invalid rate: a number of requests a '
                              . 'minute is expected, or "*"'] }
     '0', '-1', '1.5', '01', 'x', '**', '1m', '""', '99999999999999999999'))
{
    is(said("$Signed $Pass\nwebhook_challenge $bad->[0]; # here\n"), $bad->[1],
       $bad->[0]);
}

is(said("$Signed $Pass webhook_challenge graph;\nwebhook_challenge graph; "
        . "# here\n"), 'is duplicate', 'twice the same');
is(said("$Signed $Pass webhook_challenge meta a;\nwebhook_challenge meta b; "
        . "# here\n"), 'is duplicate', 'twice with other parameters');


# --- where it can't work ----------------------------------------------------

for my $name ('slack', 'zoom x', 'discord') {
    my ($challenge) = $name =~ /^(\w+)/;
    my $needs = "\"webhook_challenge $challenge\" needs \"webhook_signature\" "
                . 'or "webhook_secret"';

    is(said("webhook munity; webhook_secret off; $Pass\n"
            . "webhook_challenge $name; # here\n"), $needs,
       "$name without a credential");
    is(said("webhook munity; webhook_secret hush; $Pass\n"
            . "webhook_challenge $name; # here\n"), 'ok',
       "$name with a secret");
    is(said("webhook munity; $Pass\nwebhook_challenge $name; # here\n",
            http => 'webhook_signature github hush;'), 'ok',
       "$name with a signature of a level above");
    is(said("webhook open; $Pass\nwebhook_challenge $name; # here\n",
            http => 'webhook_system open { credential none; }'
                    . ' webhook_secret hush slug=acme;'), $needs,
       "$name with a secret of a slug, which no sender needs here");
}

is(said("webhook munity; webhook_secret off; $Pass\n"
        . "webhook_challenge graph; # here\n"), 'ok',
   'one that needs no credential');

is(said("$Pass\nwebhook_challenge graph; # here\n"),
   '"webhook_challenge graph" does nothing without "webhook"',
   'without webhook');
is(said("webhook off; $Pass\nwebhook_challenge graph; # here\n"),
   '"webhook_challenge graph" does nothing without "webhook"',
   'with "webhook off"');
is(said("$Signed $Pass location /hook/inner/ {\n"
        . "webhook_challenge graph; # here\n $Pass }"), 'ok',
   'in a location that inherits webhook');
is(said("$Signed $Pass webhook_challenge graph; location /hook/inner/ {\n"
        . "webhook off; # here\n $Pass }"), 'ok',
   'a location inside that is no webhook any more');
is(said("$Signed $Pass webhook_challenge slack; location /hook/inner/ {\n"
        . "webhook_signature off; webhook munity; webhook_secret off;\n"
        . "$Pass }"), 'ok', 'a location inside with another system');

for my $case (
    ['webhook lenra zone=z', 'webhook lenra'],
    ['webhook_api', 'webhook_api'],
    ['webhook_status zone=s', 'webhook_status'])
{
    my ($text, $name) = @$case;

    is(said("$text; webhook_secret hush;"
            . ($name eq 'webhook lenra' ? $Pass : '')
            . "\nwebhook_challenge graph; # here\n"),
       "\"webhook_challenge\" is used beside \"$name\"", "beside $name");
}

{
    my $system = sub { "webhook_system own { methods $_[0]; }" };

    for my $case (
        ['POST PUT', 'slack', 1], ['PUT', 'slack', 0],
        ['GET HEAD', 'zoom x', 0],
        ['POST', 'head', 1], ['POST HEAD', 'head', 0], ['HEAD GET', 'graph', 1],
        ['GET', 'discord', 0], ['OPTIONS POST', 'cloudevents', 1])
    {
        my ($methods, $name, $good) = @$case;
        my ($challenge) = $name =~ /^(\w+)/;

        is(said("webhook own; webhook_secret hush; $Pass\n"
                . "webhook_challenge $name; # here\n",
                http => $system->($methods)),
           $good ? 'ok' : "\"webhook_challenge $challenge\" does not go with "
                          . 'the methods of "webhook own"',
           "$name of a system with $methods");
    }
}

for my $level (['http', 'webhook_challenge graph;'],
               ['server', 'server { webhook_challenge graph; }'])
{
    is(said("$Signed $Pass", http => $level->[1]), 'is not allowed here',
       "in $level->[0]");
}

$nginx->finish;
done_testing();
