use lib 't/lib';
use WebhookTest 'no_plan';

# The examples of the README and of docs/: docs/example.conf serves, and each
# request of the README gets the answer that stands below it; nginx starts with
# every piece of configuration that is shown.

use File::Basename qw(basename dirname);

our $Top = dirname(dirname(File::Spec->rel2abs(__FILE__)));

sub slurp {
    my $file = shift;

    open my $in, '<', $file or die "$file: $!";
    local $/;
    return scalar <$in>;
}

# the fenced blocks of a page: [language, text, line]
sub fenced {
    my $text = shift;
    my ($line, @found) = 0;

    while ($text =~ /^```(\w*)\n(.*?)^```$/gms) {
        push @found, [$1, $2, 1 + (substr($text, 0, $-[0]) =~ tr/\n//)];
    }

    return @found;
}

# Example ports and names, as they can be here.
sub ported {
    my $text = shift;

    $text =~ s/127\.0\.0\.1:8080/127.0.0.1:\$TEST_NGINX_PORT_1/g;
    $text =~ s/127\.0\.0\.1:8081/127.0.0.1:\$TEST_NGINX_PORT_2/g;
    $text =~ s/127\.0\.0\.1:8082/127.0.0.1:\$TEST_NGINX_PORT_3/g;

    return $text;
}

sub expand {
    my $text = ported(shift);

    $text =~ s/\$(TEST_NGINX_PORT_\d)/$ENV{$1}/g;

    return $text;
}

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
            my $shell = expand($command);
            `$shell`;
        };

        $ENV{UUID} = $1 if $answer =~ /"uuid":"($uuid)"/;
        $answer =~ s/$uuid/UUID/;

        chomp($answer, $expected);
        is($answer, $expected, "README: $name");
    }

    my $log;

    # A line is written after the answer.
    for (1 .. 100) {
        $log = slurp("$ENV{TEST_NGINX_SERVROOT}/logs/events.log");
        last if $log =~ /deploy/;
        select undef, undef, undef, 0.05;
    }

    my $text = slurp("$Top/README.md");

    my ($arrived) = $text =~ /the application has got\s+`([^`]+)`/
        or die "the README does not tell what arrives";
    $arrived =~ s/"/\\"/g;

    like($log, qr/^arrived  data_updated  $uuid  /m, 'README: Luzmo arrived');
    like($log, qr/^arrived  deploy  $uuid  \Q$arrived\E$/m,
         'README: Lenra arrived');
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
                  ported(slurp("$Top/docs/example.conf")), '',
                  "--- readme: 1\n--- timeout: 10");

for my $page ("$Top/README.md", glob "$Top/docs/*.md") {

    for my $found (fenced(slurp($page))) {
        my ($language, $text, $line) = @$found;

        next if $language ne 'nginx' || $text =~ /^load_module/;

        my $http = '';
        $text = ported($text);

        if ($text =~ /^(?:server|map|log_format|webhook_zone)\b/m) {
            $text =~ s/^server \{/server {\nlisten 127.0.0.1:\$TEST_NGINX_PORT_1;/mg;
            ($http, $text) = ($text, '');

        } elsif ($text =~ /zone=(\w+)/) {
            $http = "webhook_zone zone=$1:64k;";
        }

        $specs .= block($n++, basename($page) . " line $line", $http, $text,
                        '');
    }
}

spec_string($specs);
run_tests();
