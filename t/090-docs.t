use lib 't/lib';
use WebhookTest 'no_plan';

# The examples of the README and of docs/: docs/example.conf serves, and each
# request of the README gets the answer that stands below it; nginx starts with
# every piece of configuration that is shown.

use File::Basename qw(basename);
use Pages qw(top slurp fenced ported);

our $Top = top();

# with the ports that examples have here
sub here { return ported($_[0], @ENV{map { "TEST_NGINX_PORT_$_" } 1 .. 3}) }

our @Readme = fenced(slurp("$Top/README.md"));

# Each sh block of the README with the json block after it.
sub requests {
    my (@requests, $command);

    for my $block (@Readme) {
        $command = $block->[1] if $block->[0] eq 'sh';

        if ($block->[0] eq 'json' && defined $command) {
            push @requests, [$command, $block->[1]];
            undef $command;
        }
    }

    return @requests;
}

add_response_body_check(sub {
    my $block = shift;

    readme() if defined $block->readme;

    # Test::Nginx empties the server root between blocks, but not of these.
    unlink glob "$ENV{TEST_NGINX_SERVROOT}/{*.db*,logs/{events,webhook}.log}";
});

sub readme {
    my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

    for my $request (requests()) {
        my ($command, $expected) = @$request;
        my $name = $command =~ /(http\S+)/ ? $1 : $command;

        my $answer = do {
            my $shell = here($command);
            $shell =~ s{build/run/}{$ENV{TEST_NGINX_SERVROOT}/}g;
            `$shell`;
        };

        $ENV{UUID} = $1 if $answer =~ /"uuid":"($uuid)"/;
        $answer =~ s/$uuid/UUID/;

        chomp($answer, $expected);
        is($answer, $expected, "README: $name");
    }

    # The application was stopped by the last one.
    unlink "$ENV{TEST_NGINX_SERVROOT}/html/down"
        or die "the README does not stop the application";

    my $log;

    # A line is written after the answer.
    for (1 .. 200) {
        $log = slurp("$ENV{TEST_NGINX_SERVROOT}/logs/events.log");
        last if $log =~ /deploy/ && $log =~ /webhook_test/;
        select undef, undef, undef, 0.05;
    }

    my $text = slurp("$Top/README.md");

    my ($arrived) = $text =~ /the application has got\s+`([^`]+)`/
        or die "the README does not tell what arrives";
    $arrived =~ s/"/\\"/g;

    like($log, qr/^arrived  data_updated  $uuid  /m, 'README: Luzmo arrived');
    like($log, qr/^arrived  deploy  $uuid  \Q$arrived\E$/m,
         'README: Lenra arrived');
    like($log, qr/^arrived  webhook_test  $uuid  .*\\"test\\":true/m,
         'README: what was queued arrived');
    like($log, qr/^refused  401 invalid_secret  /m, 'README: a refusal');
    like($log, qr/^refused  400 missing_field  /m, 'README: another one');
}

sub block {
    my ($n, $name, $http, $server, $more) = @_;

    return "=== TEST $n: $name\n--- http_config\n$http\n"
           . "--- config\nlocation = /t { return 200 \"ok\\n\"; }\n$server\n"
           . "--- request\nGET /t\n--- response_body\nok\n$more\n\n\n";
}

my $n = 1;
my $specs = block($n++, 'docs/example.conf and the requests of the README',
                  here(slurp("$Top/docs/example.conf")), '',
                  "--- readme: 1\n--- timeout: 10");

for my $page ("$Top/README.md", glob "$Top/docs/*.md") {

    for my $found (fenced(slurp($page))) {
        my ($language, $text, $line) = @$found;

        next if $language ne 'nginx' || $text =~ /^load_module/;

        my $http = '';
        $text = here($text);

        if ($text =~ /^(?:server|map|log_format|webhook_(?:status_|dedup_)?zone|webhook_queue_path)\b/m) {
            $text =~ s/^server \{/server {\nlisten 127.0.0.1:\$TEST_NGINX_PORT_1;/mg;
            ($http, $text) = ($text, '');

        } elsif ($text =~ /webhook_status .*zone=(\w+)/) {
            $http = "webhook_status_zone zone=$1:64k;";

        } elsif ($text =~ /zone=(\w+)/) {
            $http = "webhook_zone zone=$1:64k;";
        }

        $specs .= block($n++, basename($page) . " line $line", $http, $text,
                        '');
    }
}

spec_string($specs);
run_tests();
